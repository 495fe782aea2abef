//! The users file of the embedded broker: who may connect, with which password, for which gateways.
//!
//! ```toml
//! [[user]]
//! name = "gw1"
//! password_hash = "$argon2id$…"       # what `davy mqtt-password` prints; or password = "…" as plain text
//! gateways = ["rugang/e01/gw1", "spBv1.0/group/node"]
//!
//! [[user]]
//! name = "control-room"
//! password_hash = "$argon2id$…"
//! role = "reader"                     # hears everything, says nothing; the default is "gateway"
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, SaltString};
use argon2::{Argon2, PasswordVerifier};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::broker::rights::{Gateway, Rights};
use crate::{IngestError, Secret};

/// Passwords checked at the same time at most: each takes 19 MiB and tens of milliseconds.
const CHECKS_AT_ONCE: usize = 2;
/// Longest users file, bytes.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Something wrong in a users file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFault {
    /// Which file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong; never holds a password.
    pub problem: String,
    /// What would be right.
    pub cure: &'static str,
}

impl fmt::Display for UserFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.problem, self.cure)
    }
}

#[derive(Debug)]
struct User {
    password: Password,
    rights: Arc<Rights>,
}

#[derive(Debug)]
enum Password {
    Plain(Secret),
    Hash(Secret),
}

/// Who may connect.
#[derive(Debug)]
pub struct Users {
    by_name: BTreeMap<String, User>,
    /// Digests of passwords that were right, under a key of this process: gateways that all come back at once are not made to wait for
    /// hundreds of slow hashes.
    seen: Mutex<BTreeMap<String, [u8; 32]>>,
    key: [u8; 32],
    checks: Semaphore,
}

impl Users {
    /// Reads a users file. `InvalidInput` names every fault with its line and cure.
    pub fn load(path: &Path) -> Result<Self, IngestError> {
        let file = path.display().to_string();
        let unreadable = |source| IngestError::UsersFile { file: file.clone(), source };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES {
            return Err(unreadable(std::io::Error::other(format!("{bytes} bytes are more than the {FILE_BYTES} it may have"))));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&file, &text).map_err(|faults| IngestError::Users { faults })
    }

    /// Reads the text of a users file; all faults at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<UserFault>> {
        let mut reader = Reader { file, text, faults: Vec::new() };
        let by_name = match DeTable::parse(text) {
            Ok(root) => reader.users(root.get_ref()),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                reader.fault(&span, error.message(), "write TOML: [[user]] tables with name, password_hash and gateways");
                BTreeMap::new()
            }
        };
        if !reader.faults.is_empty() {
            return Err(reader.faults);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("this machine has random numbers");
        Ok(Self { by_name, seen: Mutex::default(), key, checks: Semaphore::new(CHECKS_AT_ONCE) })
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The rights of a user whose password is right.
    pub(crate) async fn admit(&self, name: &str, password: &[u8]) -> Option<Arc<Rights>> {
        let user = self.by_name.get(name);
        let digest = self.digest(name, password);
        if let Some(user) = user.filter(|_| self.seen.lock().get(name) == Some(&digest)) {
            return Some(Arc::clone(&user.rights));
        }
        let right = match user.map(|user| &user.password) {
            Some(Password::Plain(plain)) => self.digest(name, plain.expose().as_bytes()) == digest,
            Some(Password::Hash(hash)) => self.verify(hash.expose().to_owned(), password.to_vec()).await,
            // As slow as for a user there is, so that names cannot be told apart.
            None => {
                self.verify(DECOY.to_owned(), password.to_vec()).await;
                false
            }
        };
        let user = user.filter(|_| right)?;
        self.seen.lock().insert(name.to_owned(), digest);
        Some(Arc::clone(&user.rights))
    }

    /// Not the password itself, and of one length: comparing it tells nothing about how much of it was right.
    fn digest(&self, name: &str, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        digest.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(name);
        digest.update(password);
        digest.finalize().into()
    }

    async fn verify(&self, hash: String, password: Vec<u8>) -> bool {
        let Ok(_turn) = self.checks.acquire().await else { return false };
        let check = move || {
            let hash = PasswordHash::new(&hash).expect("hashes were read when the file was");
            Argon2::default().verify_password(&password, &hash).is_ok()
        };
        // On a thread of its own: it computes for tens of milliseconds.
        tokio::task::spawn_blocking(check).await.unwrap_or(false)
    }
}

/// The hash of no password that anybody has.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZGF2eS1kZWNveS1zYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The hash of a password, as `password_hash` takes it: Argon2id with 19 MiB, two passes, a fresh salt.
pub fn hash_password(password: &str) -> Result<String, IngestError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("this machine has random numbers");
    let salt = SaltString::encode_b64(&salt).expect("sixteen bytes are a salt");
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| IngestError::PasswordHash { reason: error.to_string() })
}

/// Collects faults while it reads.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<UserFault>,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Reader<'_> {
    fn fault(&mut self, at: &Range<usize>, problem: impl Into<String>, cure: &'static str) {
        let before = &self.text.as_bytes()[..at.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.faults.push(UserFault { file: self.file.to_owned(), line, problem: problem.into(), cure });
    }

    fn users(&mut self, root: &DeTable<'_>) -> BTreeMap<String, User> {
        let mut users = BTreeMap::new();
        let mut found = false;
        for (key, value) in root {
            let tables = value.get_ref().as_array().filter(|_| key.get_ref() == "user");
            let Some(tables) = tables else {
                self.fault(&key.span(), format!("{}: no such table", key.get_ref()), "a users file holds [[user]] tables only");
                continue;
            };
            found = true;
            for table in tables {
                let Some(entries) = table.get_ref().as_table() else {
                    self.fault(&table.span(), "user: not a table", "write [[user]] above name, password_hash and gateways");
                    continue;
                };
                if let Some((name, user)) = self.user(&table.span(), entries) {
                    if users.contains_key(&name) {
                        self.fault(
                            &table.span(),
                            format!("name = {name:?}: a second user of this name"),
                            "give each user a name of its own",
                        );
                    }
                    users.insert(name, user);
                }
            }
        }
        if !found && self.faults.is_empty() {
            self.fault(
                &(0..0),
                "no user",
                "add a [[user]] table, or leave --mqtt-users out to let anybody on this machine connect",
            );
        }
        users
    }

    fn user(&mut self, at: &Range<usize>, entries: &DeTable<'_>) -> Option<(String, User)> {
        let faults = self.faults.len();
        let mut name = None;
        let mut passwords = Vec::new();
        let mut gateways = None;
        let mut reader = false;
        for (key, value) in entries {
            match &**key.get_ref() {
                "name" => name = self.name(value),
                "password" => passwords.extend(self.plain(value)),
                "password_hash" => passwords.extend(self.hash(value)),
                "gateways" => gateways = Some(self.gateways(value)),
                "role" => reader = self.role(value),
                _ => self.unknown(key),
            }
        }
        let whole = self.faults.len() == faults;
        if whole && name.is_none() {
            self.fault(at, "name: missing", "add name = \"…\", what the gateway logs in with");
        }
        if whole && passwords.len() != 1 {
            let problem = if passwords.is_empty() { "password_hash: missing" } else { "password and password_hash: both there" };
            self.fault(at, problem, "add password_hash = \"…\" with what `davy mqtt-password` prints, and no other");
        }
        if whole && reader && gateways.is_some() {
            self.fault(at, "gateways: of a reader", "leave gateways out, a reader says nothing; or leave role out");
        }
        if whole && !reader && gateways.as_ref().is_none_or(Vec::is_empty) {
            self.fault(
                at,
                "gateways: missing",
                "add gateways = [\"park/enterprise/gateway\"] or [\"spBv1.0/group/node\"]; or role = \"reader\"",
            );
        }
        let rights = if reader { Rights::Reader } else { Rights::Gateways(gateways.unwrap_or_default()) };
        Some((name?, User { password: passwords.pop()?, rights: Arc::new(rights) }))
    }

    fn name(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let name = value.get_ref().as_str().filter(|name| !name.is_empty() && name.len() <= 256 && !name.contains('\0'));
        if name.is_none() {
            self.fault(&value.span(), "name: not a text of 1 to 256 bytes", "write name = \"…\", what the gateway logs in with");
        }
        name.map(str::to_owned)
    }

    fn plain(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Password> {
        let plain = value.get_ref().as_str().filter(|plain| !plain.is_empty());
        if plain.is_none() {
            self.fault(&value.span(), "password: not a text, or an empty one", "write password = \"…\", better password_hash");
        }
        plain.map(|plain| Password::Plain(Secret::new(plain)))
    }

    fn hash(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Password> {
        const CURE: &str = "write what `davy mqtt-password` prints: $argon2id$…";
        let hash = value.get_ref().as_str().filter(|hash| {
            PasswordHash::new(hash).is_ok_and(|hash| hash.hash.is_some() && hash.algorithm.as_str().starts_with("argon2"))
        });
        if hash.is_none() {
            self.fault(&value.span(), "password_hash: no Argon2 hash", CURE);
        }
        hash.map(|hash| Password::Hash(Secret::new(hash)))
    }

    fn gateways(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Gateway> {
        const CURE: &str = "write park/enterprise/gateway as in the site file, or spBv1.0/group/node";
        let Some(names) = value.get_ref().as_array() else {
            self.fault(&value.span(), "gateways: not a list", CURE);
            return Vec::new();
        };
        let mut gateways = Vec::new();
        for name in names {
            let text = name.get_ref().as_str().unwrap_or_default();
            match Gateway::parse(text) {
                Some(gateway) => gateways.push(gateway),
                None => {
                    let shown: String = text.chars().take(80).collect();
                    self.fault(&name.span(), format!("gateways = {shown:?}: not the name of a gateway"), CURE);
                }
            }
        }
        gateways
    }

    fn role(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        match value.get_ref().as_str() {
            Some("reader") => true,
            Some("gateway") => false,
            _ => {
                self.fault(&value.span(), "role: not known", "write role = \"gateway\" or role = \"reader\"");
                false
            }
        }
    }

    fn unknown(&mut self, key: &Key<'_>) {
        let shown: String = key.get_ref().chars().take(80).collect();
        self.fault(&key.span(), format!("{shown}: no such key"), "a user has name, password_hash or password, gateways, role");
    }
}
