//! Writes a proposed site: the texts of the one it comes from with other deadbands and delays; never over what is there.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use model::Site;
use site::{Retune, SourceFile};
use tuning::{Setting, Suggestion, Verdict};

use crate::exit::CommandError;
use crate::site_files;

/// The site with what is proposed.
pub(super) fn site_of(site: &Site, suggestions: &[Suggestion]) -> Site {
    let mut proposed = site.clone();
    for (setting, suggestion) in proposals(suggestions) {
        let at = proposed.points.binary_search_by(|it| it.id.cmp(&suggestion.rule.point));
        let Some(point) = at.ok().and_then(|at| proposed.points.get_mut(at)) else { continue };
        for rule in point.alarms.iter_mut().filter(|it| it.id == suggestion.rule.alarm) {
            *rule = setting.applied_to(rule);
        }
    }
    proposed
}

fn proposals(suggestions: &[Suggestion]) -> impl Iterator<Item = (Setting, &Suggestion)> {
    suggestions.iter().filter_map(|it| match it.verdict {
        Verdict::Proposed(setting) => Some((setting, it)),
        Verdict::Kept(_) => None,
    })
}

/// Fails before anything is computed where the proposal could not be written afterwards.
pub(super) fn check_out(site: &Path, out: &Path) -> Result<(), CommandError> {
    if out.symlink_metadata().is_ok() {
        return Err(CommandError::usage(anyhow!("write the site {}: it is there already", out.display())));
    }
    let named = out.file_name().and_then(|name| name.to_str()).is_some_and(SourceFile::is_named);
    if !site.is_dir() && !named {
        return Err(CommandError::usage(anyhow!("write the site {}: name it ….toml", out.display())));
    }
    Ok(())
}

/// Writes what is proposed: a file for a file, a folder with the same files for a folder.
pub(super) fn write(site: &Path, out: &Path, proposed: &Site, suggestions: &[Suggestion]) -> Result<(), CommandError> {
    let files = site_files::read(site).map_err(CommandError::input)?;
    let changes: Vec<Retune> = proposals(suggestions).map(|(setting, it)| change(setting, it)).collect();
    let files = site::retune(&files, &changes);
    if !site::load(&files).is_ok_and(|loaded| loaded.site == *proposed) {
        let problem =
            anyhow!("change the site {}: some alarm in it is written in a way that only a person can change", site.display());
        return Err(CommandError::input(problem));
    }
    write_files(site, out, &files).map_err(CommandError::input)
}

fn change(setting: Setting, it: &Suggestion) -> Retune {
    Retune {
        point: it.rule.point.clone(),
        alarm: it.rule.alarm.clone(),
        deadband: (setting.deadband != it.was.deadband).then_some(setting.deadband),
        on_delay: (setting.on_delay != it.was.on_delay).then_some(setting.on_delay),
        off_delay: (setting.off_delay != it.was.off_delay).then_some(setting.off_delay),
    }
}

fn write_files(site: &Path, out: &Path, files: &[SourceFile]) -> anyhow::Result<()> {
    let folder = site.is_dir();
    if folder {
        fs::create_dir(out).with_context(|| format!("make the folder {}, which must not be there yet", out.display()))?;
    }
    for file in files {
        let path: PathBuf = if folder { out.join(Path::new(&file.name).file_name().unwrap_or_default()) } else { out.to_owned() };
        let doing = || format!("write the site file {}, which must not be there yet", path.display());
        let mut written = File::create_new(&path).with_context(doing)?;
        written.write_all(file.text.as_bytes()).with_context(doing)?;
    }
    Ok(())
}
