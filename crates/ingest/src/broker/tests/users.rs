//! The users file: every fault with its line, and passwords.

use crate::broker::users::{Users, hash_password};

fn faults(text: &str) -> Vec<String> {
    Users::parse("users.toml", text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_told_with_line_and_cure() {
    let text = r#"
[[user]]
name = "one"
password = "secret"
password_hash = "secret"
gatways = ["rugang/e01/gw1"]

[[user]]
password = "x"
gateways = ["gw1", "spBv1.0/g", "rugang/e01/gw1"]

[[user]]
name = ""
role = "king"

[[users]]
"#;
    let faults = faults(text);
    for (line, what) in [
        (5, "password_hash: no Argon2 hash"),
        (6, "gatways: no such key"),
        (10, "\"gw1\": not the name of a gateway"),
        (10, "\"spBv1.0/g\": not the name of a gateway"),
        (13, "name: not a text"),
        (14, "role: not known"),
        (16, "users: no such table"),
    ] {
        let place = format!("users.toml:{line}: ");
        assert!(faults.iter().any(|fault| fault.starts_with(&place) && fault.contains(what)), "{place}{what}: {faults:#?}");
    }
    assert_eq!(faults.len(), 7, "{faults:#?}");
    assert!(!faults.concat().contains("secret"), "a password is never said");
}

#[test]
fn what_is_missing_is_told() {
    for (text, what) in [
        ("", "users.toml:1: no user"),
        ("[[user]]\npassword = \"x\"\ngateways = [\"a/b/c\"]", "users.toml:1: name: missing"),
        ("\n[[user]]\nname = \"a\"\ngateways = [\"a/b/c\"]", "users.toml:2: password_hash: missing"),
        ("[[user]]\nname = \"a\"\npassword = \"x\"", "users.toml:1: gateways: missing"),
        ("[[user]]\nname = \"a\"\npassword = \"x\"\ngateways = []", "users.toml:1: gateways: missing"),
        (
            "[[user]]\nname = \"a\"\npassword = \"x\"\nrole = \"reader\"\ngateways = [\"a/b/c\"]",
            "users.toml:1: gateways: of a reader",
        ),
        (
            "[[user]]\nname = \"a\"\npassword = \"x\"\nrole = \"reader\"\n[[user]]\nname = \"a\"\npassword = \"x\"\nrole = \"reader\"",
            "users.toml:5: name = \"a\": a second",
        ),
        ("user = 1", "users.toml:1: user: no such table"),
        ("[[user]\n", "users.toml:1: "),
    ] {
        let faults = faults(text);
        assert!(faults.len() == 1 && faults[0].starts_with(what) && faults[0].contains("; "), "{what}: {faults:#?}");
    }
}

#[tokio::test]
async fn passwords_are_checked_against_hash_and_text() {
    let hash = hash_password("s3cret wörd").unwrap();
    assert_ne!(hash, hash_password("s3cret wörd").unwrap(), "a salt of its own each time");
    let text = format!(
        "[[user]]\nname = \"hashed\"\npassword_hash = \"{hash}\"\ngateways = [\"a/b/c\"]\n\
         [[user]]\nname = \"plain\"\npassword = \"p\"\nrole = \"reader\""
    );
    let users = Users::parse("users.toml", &text).unwrap();
    // Twice: the second time it is remembered.
    for _ in 0..2 {
        assert!(users.admit("hashed", "s3cret wörd".as_bytes()).await.is_some());
        assert!(users.admit("hashed", b"s3cret").await.is_none());
        assert!(users.admit("plain", b"p").await.is_some());
        assert!(users.admit("plain", "s3cret wörd".as_bytes()).await.is_none());
        assert!(users.admit("nobody", b"").await.is_none());
    }
    assert!(!format!("{users:?}").contains("argon2id"), "not even the hash is shown");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Users::load(std::path::Path::new("/nowhere/users.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/users.toml"), "{error}");
    assert_eq!(error.kind(), model::ErrorKind::InvalidInput);
}
