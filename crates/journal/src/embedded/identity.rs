//! Who this journal is: its epoch, and the key that signs its seals. Made at the first start.
//!
//! `epoch`: "DAVYEPOC", u64 epoch, u32 CRC-32C of both. `seal.key`: the 32 secret bytes, readable by the owner only.
//! `seal.pub`: the public half as 64 hex digits and a line feed.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use model::Epoch;

use super::FolderLock;
use super::disk::{Disk, RealDisk, corrupt, put_file, random, read_file, storage};
use crate::JournalError;

const EPOCH_MAGIC: &[u8; 8] = b"DAVYEPOC";

/// Epoch and signing key.
pub(crate) struct Identity {
    pub(crate) epoch: Epoch,
    pub(crate) key: SigningKey,
}

impl Identity {
    /// Reads it; makes it where the journal is new.
    pub(crate) fn load(disk: &dyn Disk, folder: &Path, new: bool) -> Result<Self, JournalError> {
        let names = disk.list(folder).map_err(storage("list", folder))?;
        let has = |name: &str| names.iter().any(|known| known == name);
        if !has("epoch") && new {
            write_epoch(disk, folder)?;
        }
        if !has("seal.key") && new {
            let secret: [u8; 32] = random().map_err(storage("draw a key for", folder))?;
            put_file(disk, &folder.join("seal.key"), &secret, true)?;
        }
        for name in ["epoch", "seal.key"] {
            if !new && !has(name) {
                return Err(corrupt(&folder.join(name), 0, "the file is missing, but the journal has records"));
            }
        }
        let identity = Self { epoch: read_epoch(disk, folder)?, key: read_key(disk, folder)? };
        let public = public_text(&identity.key.verifying_key().to_bytes());
        if !has("seal.pub") {
            put_file(disk, &folder.join("seal.pub"), public.as_bytes(), false)?;
        }
        Ok(identity)
    }
}

fn public_text(key: &[u8; 32]) -> String {
    let mut text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    text
}

fn read_key(disk: &dyn Disk, folder: &Path) -> Result<SigningKey, JournalError> {
    let path = folder.join("seal.key");
    let secret: [u8; 32] =
        read_file(disk, &path)?.try_into().map_err(|_| corrupt(&path, 0, "it does not hold the 32 bytes of a key"))?;
    Ok(SigningKey::from_bytes(&secret))
}

/// The public key as the folder gives it.
pub(crate) fn read_public_key(disk: &dyn Disk, folder: &Path) -> Result<[u8; 32], JournalError> {
    let path: PathBuf = folder.join("seal.pub");
    let bytes = read_file(disk, &path)?;
    let bad = || corrupt(&path, 0, "it does not hold the 64 hex digits of a public key");
    let digits = std::str::from_utf8(&bytes).map_err(|_| bad())?.trim_ascii_end();
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(bad());
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| bad())?;
    }
    Ok(key)
}

/// Gives the journal a new epoch.
fn write_epoch(disk: &dyn Disk, folder: &Path) -> Result<Epoch, JournalError> {
    let path = folder.join("epoch");
    // Zero means "never was in a journal".
    let epoch = loop {
        match u64::from_le_bytes(random().map_err(storage("draw", &path))?) {
            0 => {}
            drawn => break drawn,
        }
    };
    let mut bytes = [EPOCH_MAGIC.as_slice(), &epoch.to_le_bytes()].concat();
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    put_file(disk, &path, &bytes, false)?;
    Ok(Epoch(epoch))
}

/// Gives a journal that no process owns a new epoch, as a restore must (traps 51): its older records keep theirs.
pub fn renew_epoch(folder: &Path) -> Result<Epoch, JournalError> {
    let _lock = FolderLock::take(folder)?;
    let disk = RealDisk;
    read_epoch(&disk, folder)?;
    write_epoch(&disk, folder)
}

fn read_epoch(disk: &dyn Disk, folder: &Path) -> Result<Epoch, JournalError> {
    let path = folder.join("epoch");
    let bytes = read_file(disk, &path)?;
    let whole: Option<[u8; 20]> = bytes.as_slice().try_into().ok();
    let parsed =
        whole.filter(|bytes| bytes.starts_with(EPOCH_MAGIC) && bytes[16..] == crc32c::crc32c(&bytes[..16]).to_le_bytes());
    let bytes = parsed.ok_or_else(|| corrupt(&path, 0, "it does not hold an epoch"))?;
    let mut epoch = [0; 8];
    epoch.copy_from_slice(&bytes[8..16]);
    Ok(Epoch(u64::from_le_bytes(epoch)))
}
