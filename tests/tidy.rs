//! The house rules that a machine can keep, each as a function from text to faults and a test that it can fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may name whom. A crate may use fewer rooms than its row, never more; a crate without a row is a fault.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("expression", &[]),
    ("site", &["model", "expression"]),
    ("alarm", &["model", "expression"]),
    ("figures", &["model"]),
    ("supervision", &["model"]),
    ("tuning", &["model", "alarm"]),
    ("pieces", &["model"]),
    ("warning", &["model", "pieces"]),
    ("casework", &["model", "pieces", "duty"]),
    ("report", &["model"]),
    ("hazard", &["model"]),
    ("zone", &["model"]),
    ("duty", &["model"]),
    ("simulator", &["model"]),
    ("sparkplug", &["model"]),
    ("cap", &["model"]),
    ("cloudevents", &["model"]),
    ("wire", &["model"]),
    ("journal", &["model"]),
    ("store", &["model"]),
    ("service", &[]),
    ("desk", &["model", "wire", "journal", "service"]),
    ("ingest", &["model", "sparkplug", "wire", "journal", "service"]),
    ("engine", &["model", "alarm", "figures", "wire", "journal", "service", "desk"]),
    ("historian", &["model", "figures", "supervision", "wire", "journal", "store", "service"]),
    ("registry", &["model", "site", "hazard", "wire", "journal", "store", "service"]),
    (
        "exchange",
        &[
            "model",
            "warning",
            "report",
            "cap",
            "zone",
            "duty",
            "casework",
            "wire",
            "journal",
            "store",
            "service",
            "desk",
            "cloudevents",
        ],
    ),
    ("ledger", &["model", "wire", "journal", "store", "service"]),
    (
        "davy",
        &[
            "model",
            "site",
            "alarm",
            "figures",
            "supervision",
            "tuning",
            "pieces",
            "warning",
            "casework",
            "report",
            "hazard",
            "zone",
            "duty",
            "simulator",
            "sparkplug",
            "cap",
            "cloudevents",
            "wire",
            "journal",
            "store",
            "service",
            "desk",
            "ingest",
            "engine",
            "historian",
            "registry",
            "exchange",
            "ledger",
        ],
    ),
];

/// Whose tests may use the plant in a box: who stands between a real broker and the journal.
const HARNESSED: &[&str] = &["ingest"];

/// What the pure crates may take from outside; everything else (tokio, tracing, metrics, serde, prost ...) stays out.
const PURE: &[(&str, &[&str])] = &[
    ("model", &["thiserror"]),
    ("site", &["thiserror", "toml_edit", "csv", "jiff"]),
    ("alarm", &["thiserror"]),
    // Parser and interpreter of the language; without features it has no clock and no IO.
    ("expression", &["thiserror", "cel"]),
    ("figures", &["thiserror"]),
    ("supervision", &["thiserror"]),
    ("tuning", &["thiserror"]),
    ("pieces", &["thiserror"]),
    ("warning", &[]),
    ("casework", &[]),
    ("report", &["thiserror"]),
    ("hazard", &["thiserror"]),
    // Geodesics on the ellipsoid (with libm and nothing else), and its tables are CSV.
    ("zone", &["thiserror", "csv", "geographiclib-rs", "libm"]),
    ("duty", &[]),
    ("simulator", &["thiserror"]),
    // The format is protobuf; its derive is all that decodes it.
    ("sparkplug", &["thiserror", "prost"]),
    // The format is XML with local times.
    ("cap", &["thiserror", "jiff", "quick-xml"]),
    // The format is JSON with RFC 3339 times, and its signature an HMAC in base 64.
    ("cloudevents", &["thiserror", "base64", "hmac", "jiff", "serde", "serde_json", "sha2"]),
];

/// Second TLS stacks and second crypto providers.
const UNWANTED: &[&str] = &["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys", "openssl", "openssl-sys", "native-tls"];

/// The five lines that open a crate: what room, what comes in, what goes out, what may not enter, where to start.
const SIGN: [&str; 5] = ["//! ", "//! In: ", "//! Out: ", "//! May not enter: ", "//! Start at "];

const LINES_MAX: usize = 1_000;

const SQL: &[&str] = &["sqlx::", "SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA "];

const STATUS: &[&str] = &[
    "Status::new(",
    "Status::ok(",
    "Status::cancelled(",
    "Status::unknown(",
    "Status::invalid_argument(",
    "Status::deadline_exceeded(",
    "Status::not_found(",
    "Status::already_exists(",
    "Status::permission_denied(",
    "Status::resource_exhausted(",
    "Status::failed_precondition(",
    "Status::aborted(",
    "Status::out_of_range(",
    "Status::unimplemented(",
    "Status::internal(",
    "Status::unavailable(",
    "Status::data_loss(",
    "Status::unauthenticated(",
    "Status::with_details(",
    "Status::with_error_details(",
];

/// Where a rule does not hold, by the start of the path.
const SQL_HOME: &[&str] = &["crates/store/"];
const STATUS_HOME: &[&str] = &["crates/wire/src/status.rs"];
const EXIT_HOME: &[&str] = &["crates/davy/src/exit.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the workspace")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files under a folder, without build output, caches and dot folders other than the project's own.
fn files(folder: &Path) -> Vec<PathBuf> {
    const SKIPPED: &[&str] = &["target", ".git", "node_modules", "davy-data", "corpus", "artifacts"];
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder entry").path();
            let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            if path.is_symlink() || SKIPPED.contains(&name.as_str()) || name.starts_with(".venv") {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

/// The hand-written sources of the crates, with their paths.
fn sources() -> Vec<(String, String)> {
    let paths = files(&root().join("crates")).into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let sources: Vec<_> = paths.map(|path| (relative(&path), read(&path))).filter(|(path, _)| !path.contains("/gen/")).collect();
    assert!(sources.len() > 50, "the walk found only {} sources", sources.len());
    sources
}

fn manifests() -> Vec<(String, toml::Table)> {
    let paths = files(root()).into_iter().filter(|path| path.file_name().is_some_and(|it| it == "Cargo.toml"));
    let parsed = paths.map(|path| (relative(&path), toml(&read(&path))));
    parsed
        .filter(|(path, _)| path != "Cargo.toml" && !path.starts_with("fuzz/") && !path.starts_with("deploy/examples/"))
        .collect()
}

fn toml(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("no TOML: {error}"))
}

fn name(manifest: &toml::Table) -> &str {
    manifest["package"]["name"].as_str().expect("a package has a name")
}

/// Every table of dependencies, those of a target too: (section, name, what is asked for).
fn dependencies(manifest: &toml::Table) -> Vec<(&'static str, String, toml::Value)> {
    const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(|it| it.values()).filter_map(toml::Value::as_table);
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(targets) {
        for section in SECTIONS {
            let entries = table.get(section).and_then(toml::Value::as_table);
            found.extend(entries.into_iter().flatten().map(|(name, asked)| (section, name.clone(), asked.clone())));
        }
    }
    found
}

fn arrow_faults(manifest: &toml::Table) -> Vec<String> {
    let crate_name = name(manifest);
    let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == crate_name) else {
        return vec![format!("{crate_name}: no row in ARROWS; say who it may name")];
    };
    let rooms: BTreeSet<_> = ARROWS.iter().map(|(room, _)| *room).collect();
    let named = dependencies(manifest).into_iter().filter(|(_, name, _)| rooms.contains(name.as_str()));
    // Tests of any room may look through a pure one: it brings nothing along, and nothing of it is linked into Davy.
    let in_tests = |section: &str, name: &str| section == "dev-dependencies" && PURE.iter().any(|(room, _)| *room == name);
    let wrong = named.filter(|(section, name, _)| !allowed.contains(&name.as_str()) && !in_tests(section, name));
    let harness = dependencies(manifest).into_iter().filter(|(_, name, _)| name == "harness");
    let wrong = wrong.chain(harness.filter(|(section, _, _)| *section != "dev-dependencies" || !HARNESSED.contains(&crate_name)));
    wrong.map(|(section, name, _)| format!("{crate_name}: may not name {name} (in {section})")).collect()
}

fn pure_faults(manifest: &toml::Table) -> Vec<String> {
    let crate_name = name(manifest);
    let Some((_, allowed)) = PURE.iter().find(|(room, _)| *room == crate_name) else { return Vec::new() };
    let linked = dependencies(manifest).into_iter().filter(|(section, _, _)| *section != "dev-dependencies");
    let outside = linked.filter(|(_, name, _)| !ARROWS.iter().any(|(room, _)| room == name));
    let wrong = outside.filter(|(_, name, _)| !allowed.contains(&name.as_str()));
    wrong.map(|(_, name, _)| format!("{crate_name} is pure and may not depend on {name}")).collect()
}

fn version_faults(manifest: &toml::Table) -> Vec<String> {
    let inherits = |asked: &toml::Value| asked.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    let own = dependencies(manifest).into_iter().filter(|(_, _, asked)| !inherits(asked));
    own.map(|(_, dependency, _)| format!("{}: {dependency}: versions live at the root; write .workspace = true", name(manifest)))
        .collect()
}

fn lint_faults(manifest: &toml::Table) -> Vec<String> {
    let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    if inherited == Some(true) { Vec::new() } else { vec![format!("{}: [lints] workspace = true is missing", name(manifest))] }
}

fn sign_faults(path: &str, text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let wanted =
        SIGN.iter().filter(|start| !lines.next().is_some_and(|line| line.starts_with(*start) && line.len() > start.len() + 5));
    wanted.map(|start| format!("{path}: the room sign lacks a line `{start}...` in its place")).collect()
}

fn module_line_faults(path: &str, text: &str) -> Vec<String> {
    if text.starts_with("//! ") { Vec::new() } else { vec![format!("{path}: opens without a `//!` line that says what it is")] }
}

fn length_faults(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX { Vec::new() } else { vec![format!("{path}: {lines} lines; is there a second room inside?")] }
}

/// Lines of code, not comments, that hold one of the words, outside the places where they belong.
fn word_faults(path: &str, text: &str, words: &[&str], home: &[&str], why: &str) -> Vec<String> {
    if home.iter().any(|start| path.starts_with(start)) {
        return Vec::new();
    }
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let hits = code.filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    hits.map(|(index, line)| format!("{path}:{}: {why}: {}", index + 1, line.trim())).collect()
}

/// Paths of the machine it was written on say nothing to a reader elsewhere. (Spelled in parts, or this file would be one.)
fn place_faults(path: &str, text: &str) -> Vec<String> {
    let words = [concat!("..", "/shared"), concat!("/wo", "rk/")];
    let hits = text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    hits.map(|(index, line)| format!("{path}:{}: names a place outside the project: {}", index + 1, line.trim())).collect()
}

fn lock_faults(lock: &toml::Table) -> Vec<String> {
    let packages = lock["package"].as_array().expect("a lock file lists packages");
    let names: Vec<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let unwanted = names.iter().filter(|name| UNWANTED.contains(name));
    let mut faults: Vec<_> = unwanted.map(|name| format!("Cargo.lock holds {name}: one TLS stack, one provider")).collect();
    let stacks = names.iter().filter(|name| **name == "rustls").count();
    if stacks != 1 {
        faults.push(format!("Cargo.lock holds {stacks} versions of rustls; exactly one is wanted"));
    }
    faults
}

#[track_caller]
fn clean(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn crate_manifests() -> Vec<toml::Table> {
    let rooms = manifests().into_iter().filter(|(path, _)| path.starts_with("crates/"));
    let rooms: Vec<_> = rooms.map(|(_, manifest)| manifest).collect();
    assert!(rooms.len() >= 14, "the walk found only {} crates", rooms.len());
    rooms
}

#[test]
fn crates_name_only_the_rooms_of_their_row() {
    clean(&crate_manifests().iter().flat_map(arrow_faults).collect::<Vec<_>>());
    let backward = toml("[package]\nname = 'alarm'\n[dependencies]\nmodel.workspace = true\njournal.workspace = true");
    assert_eq!(arrow_faults(&backward), ["alarm: may not name journal (in dependencies)"]);
    let hidden = toml("[package]\nname = 'ingest'\n[target.'cfg(unix)'.dev-dependencies]\nengine.workspace = true");
    assert_eq!(arrow_faults(&hidden), ["ingest: may not name engine (in dev-dependencies)"]);
    let through = toml("[package]\nname = 'simulator'\n[dev-dependencies]\nsite.workspace = true");
    assert!(arrow_faults(&through).is_empty(), "tests may look through a pure room");
    let linked = toml("[package]\nname = 'simulator'\n[dependencies]\nsite.workspace = true");
    assert_eq!(arrow_faults(&linked), ["simulator: may not name site (in dependencies)"]);
    assert_eq!(arrow_faults(&toml("[package]\nname = 'utils'")).len(), 1, "an unknown room");
    let boxed = toml("[package]\nname = 'store'\n[dev-dependencies]\nharness.workspace = true");
    assert_eq!(arrow_faults(&boxed), ["store: may not name harness (in dev-dependencies)"]);
    let linked = toml("[package]\nname = 'ingest'\n[dependencies]\nharness.workspace = true");
    assert_eq!(arrow_faults(&linked), ["ingest: may not name harness (in dependencies)"]);
}

#[test]
fn pure_crates_stay_pure() {
    clean(&crate_manifests().iter().flat_map(pure_faults).collect::<Vec<_>>());
    for outside in ["tokio", "tracing", "metrics", "serde", "prost", "parking_lot"] {
        let bad =
            toml(&format!("[package]\nname = 'alarm'\n[dependencies]\nthiserror.workspace = true\n{outside}.workspace = true"));
        assert_eq!(pure_faults(&bad), [format!("alarm is pure and may not depend on {outside}")]);
    }
    let shell = toml("[package]\nname = 'engine'\n[dependencies]\ntokio.workspace = true");
    assert!(pure_faults(&shell).is_empty());
}

#[test]
fn versions_live_at_the_root() {
    clean(&manifests().iter().flat_map(|(_, manifest)| version_faults(manifest)).collect::<Vec<_>>());
    let bad =
        toml("[package]\nname = 'x'\n[dependencies]\na = '1'\nb = { version = '1' }\nc = { path = '../c' }\nd.workspace = true");
    assert_eq!(version_faults(&bad).len(), 3);
}

#[test]
fn every_package_inherits_the_lints_and_unsafe_is_forbidden() {
    clean(&manifests().iter().flat_map(|(_, manifest)| lint_faults(manifest)).collect::<Vec<_>>());
    let workspace = toml(&read(&root().join("Cargo.toml")));
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert_eq!(lint_faults(&toml("[package]\nname = 'x'\n[lints.rust]\nunsafe_code = 'allow'")).len(), 1);
}

#[test]
fn every_crate_opens_with_its_room_sign() {
    let rooms = sources().into_iter().filter(|(path, _)| path.ends_with("/src/lib.rs"));
    clean(&rooms.flat_map(|(path, text)| sign_faults(&path, &text)).collect::<Vec<_>>());
    let good = "//! The alarm core.\n//! In: samples.\n//! Out: events.\n//! May not enter: clocks.\n//! Start at apply.rs.\n";
    assert!(sign_faults("x", good).is_empty());
    assert_eq!(sign_faults("x", &good.replace("Out: events", "Gives events")).len(), 1);
    assert_eq!(sign_faults("x", "//! x\n").len(), 5);
}

#[test]
fn every_module_says_what_it_is_and_stays_readable() {
    clean(&sources().iter().flat_map(|(path, text)| module_line_faults(path, text)).collect::<Vec<_>>());
    clean(&sources().iter().flat_map(|(path, text)| length_faults(path, text)).collect::<Vec<_>>());
    assert_eq!(module_line_faults("x", "use std::fs;\n//! late\n").len(), 1);
    assert!(length_faults("x", &"x\n".repeat(LINES_MAX)).is_empty());
    assert_eq!(length_faults("x", &"x\n".repeat(LINES_MAX + 1)).len(), 1);
}

#[test]
fn sql_status_and_exit_codes_have_one_home() {
    let rules: [(&[&str], &[&str], &str); 3] = [
        (SQL, SQL_HOME, "SQL lives in store"),
        (STATUS, STATUS_HOME, "a Status is made in wire/src/status.rs"),
        (&["process::exit("], EXIT_HOME, "an exit code is made in davy/src/exit.rs"),
    ];
    for (words, home, why) in rules {
        clean(&sources().iter().flat_map(|(path, text)| word_faults(path, text, words, home, why)).collect::<Vec<_>>());
        let bad = format!("// a comment may say {0}\nlet x = {0};", words[0]);
        assert_eq!(word_faults("crates/engine/src/x.rs", &bad, words, home, why).len(), 1);
        assert!(word_faults(&format!("{}x.rs", home[0]), &bad, words, home, why).is_empty());
    }
}

#[test]
fn the_project_speaks_of_itself_alone() {
    const TEXT: &[&str] =
        &["rs", "toml", "md", "proto", "sh", "yml", "yaml", "sql", "json", "csv", "conf", "py", "txt", "service"];
    let texts = files(root()).into_iter().filter(|path| match path.extension() {
        Some(extension) => TEXT.contains(&&*extension.to_string_lossy()),
        None => path.file_name().is_some_and(|name| name == "run"),
    });
    clean(&texts.flat_map(|path| place_faults(&relative(&path), &read(&path))).collect::<Vec<_>>());
    assert_eq!(place_faults("x", concat!("see ..", "/shared/a.md\nfine\n/wo", "rk/main")).len(), 2);
}

#[test]
fn one_tls_stack_in_the_lock_file() {
    clean(&lock_faults(&toml(&read(&root().join("Cargo.lock")))));
    let bad = toml("[[package]]\nname = 'openssl-sys'\n[[package]]\nname = 'rustls'\n[[package]]\nname = 'rustls'");
    assert_eq!(lock_faults(&bad).len(), 2);
}
