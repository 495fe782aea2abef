//! `davy export`: the samples of a period as a file, which has its name only once it is complete.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use service::Shutdown;
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;

use crate::cli::{ExportArgs, ExportFormat};
use crate::command::query::shown;
use crate::command::{moment, server};
use crate::exit::CommandError;

/// Exports, or leaves nothing behind where it is told to stop.
pub async fn run(args: &ExportArgs, shutdown: &Shutdown) -> Result<(), CommandError> {
    let stopped =
        || CommandError::input(anyhow!("write {}: stopped before it was complete; nothing is left of it", args.out.display()));
    tokio::select! {
        // Both arms may be dropped: a file that is given up removes itself.
        done = export(args) => done,
        () = shutdown.requested() => Err(stopped()),
    }
}

/// Asks, and writes what comes as it comes.
async fn export(args: &ExportArgs) -> Result<(), CommandError> {
    let (from, to) = moment::period(Some(&args.from), args.to.as_deref())?;
    let request = v1::ExportSamplesRequest {
        points: args.point.clone(),
        from: Some(from),
        to: Some(to),
        format: match args.format {
            ExportFormat::Parquet => v1::ExportFormat::Parquet,
            ExportFormat::Csv => v1::ExportFormat::Csv,
        }
        .into(),
    };
    let mut partial = Partial::beside(&args.out).map_err(CommandError::input)?;
    let mut client =
        HistoryServiceClient::new(server::connect(&args.server).await?).max_decoding_message_size(server::ANSWER_BYTES_MAX);
    let refused = |status: tonic::Status| CommandError::status(&status);
    let mut chunks = client.export_samples(request).await.map_err(refused)?.into_inner();
    let (mut bytes, mut complete_to) = (0, None);
    while let Some(chunk) = chunks.message().await.map_err(refused)? {
        partial.write(&chunk.data).map_err(CommandError::input)?;
        bytes += chunk.data.len();
        complete_to = chunk.complete_to;
    }
    partial.finish().map_err(CommandError::input)?;
    let complete_to = complete_to.map_or_else(|| "nothing: nothing was ever recorded".to_owned(), |time| shown(Some(&time)));
    eprintln!("wrote {}: {bytes} bytes, complete to {complete_to}", args.out.display());
    Ok(())
}

/// A file that is not complete; it goes when it is given up.
struct Partial {
    file: File,
    path: PathBuf,
    out: PathBuf,
}

impl Partial {
    /// In the folder of the file to come, so that only its name has to change.
    fn beside(out: &Path) -> Result<Self, anyhow::Error> {
        let doing = || format!("write {}", out.display());
        if out.symlink_metadata().is_ok() {
            return Err(there(out));
        }
        let name = out.file_name().with_context(|| format!("write {}: it names no file", out.display()))?;
        let path = out.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
        let file = File::create_new(&path).with_context(doing)?;
        Ok(Self { file, path, out: out.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), anyhow::Error> {
        self.file.write_all(bytes).with_context(|| format!("write {}", self.out.display()))
    }

    /// Gives it its name. A link is refused where somebody has taken the name meanwhile, which a rename would not be.
    fn finish(self) -> Result<(), anyhow::Error> {
        let doing = || format!("write {}", self.out.display());
        self.file.sync_all().with_context(doing)?;
        match std::fs::hard_link(&self.path, &self.out) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(there(&self.out)),
            // A file system without links: somebody may take the name between the look and the rename.
            Err(_) if self.out.symlink_metadata().is_err() => std::fs::rename(&self.path, &self.out).with_context(doing),
            Err(_) => Err(there(&self.out)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Not there any more where it was renamed.
        drop(std::fs::remove_file(&self.path));
    }
}

fn there(out: &Path) -> anyhow::Error {
    anyhow!("write {}: it is there already; remove it or choose another name", out.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("folder");
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete_and_is_never_written_over() {
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join("a.parquet");
        let mut given_up = Partial::beside(&out).expect("partial");
        given_up.write(b"ab").expect("write");
        assert!(!out.exists() && names(folder.path()).len() == 1);
        drop(given_up);
        assert!(names(folder.path()).is_empty());

        let mut complete = Partial::beside(&out).expect("partial");
        complete.write(b"abc").expect("write");
        complete.finish().expect("finish");
        assert_eq!((names(folder.path()), std::fs::read(&out).expect("read")), (vec!["a.parquet".to_owned()], b"abc".to_vec()));
        assert!(Partial::beside(&out).is_err_and(|error| error.to_string().contains("there already")));

        let late = folder.path().join("b.csv");
        let overtaken = Partial::beside(&late).expect("partial");
        std::fs::write(&late, "theirs").expect("write");
        assert!(overtaken.finish().is_err());
        assert_eq!(std::fs::read_to_string(&late).expect("read"), "theirs");
        assert_eq!(names(folder.path()).len(), 2);
    }
}
