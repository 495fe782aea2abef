//! Generates `src/gen` from `proto/` and compares it with what is checked in, so that no build needs protoc.
//! `DAVY_REGENERATE=1 cargo test -p wire --test bootstrap` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

const FILES: &[&str] = &[
    "davy/v1/event.proto",
    "davy/v1/alarm.proto",
    "davy/v1/casework.proto",
    "davy/v1/exchange.proto",
    "davy/v1/history.proto",
    "davy/v1/ingest.proto",
    "davy/v1/registry.proto",
    "davy/v1/report.proto",
    "davy/record/v1/record.proto",
];

fn generate(out: &Path) {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let descriptors = protox::Compiler::new([&proto])
        .expect("proto folder")
        .include_imports(true)
        .include_source_info(true)
        .open_files(FILES)
        .expect("protos compile")
        .file_descriptor_set();
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec()).expect("write descriptors");
    tonic_prost_build::configure()
        .out_dir(out)
        .bytes(".davy.record.v1.Batch.flags")
        .bytes(".davy.v1.DeadLetter.payload")
        .bytes(".davy.v1.ExportSamplesResponse.data")
        .compile_fds(descriptors)
        .expect("code generates");
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> =
        fs::read_dir(folder).expect("folder").map(|it| PathBuf::from(it.expect("entry").file_name())).collect();
    names.sort();
    names
}

#[test]
fn generated_code_is_up_to_date() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
    if std::env::var_os("DAVY_REGENERATE").is_some() {
        fs::create_dir_all(&checked_in).expect("create src/gen");
        generate(&checked_in);
    }
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gen");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).expect("empty the folder");
    }
    fs::create_dir_all(&fresh).expect("create folder");
    generate(&fresh);
    assert_eq!(listing(&fresh), listing(&checked_in));
    for name in listing(&fresh) {
        let same = fs::read(fresh.join(&name)).expect("fresh") == fs::read(checked_in.join(&name)).expect("checked in");
        assert!(same, "{} differs from what proto/ gives: run this test with DAVY_REGENERATE=1", name.display());
    }
}
