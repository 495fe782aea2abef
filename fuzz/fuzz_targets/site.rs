//! Site files: one TOML text. Accepted: a site without a fault. Read again, it has the same content.
#![no_main]

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;
use site::SourceFile;

static TALLY: Tally = Tally::new();

fuzz_target!(|text: &str| {
    let files = [SourceFile { name: "site.toml".to_owned(), text: text.to_owned() }];
    let loaded = site::load(&files);
    if let Ok(loaded) = &loaded {
        let again = site::load(&files).expect("what was taken once is taken again");
        assert_eq!(loaded.content, again.content, "the same text means the same");
    }
    TALLY.note(loaded.is_ok());
});
