//! The client id, stable over restarts: the broker's session hangs on it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::IngestError;

const FILE: &str = "mqtt-client-id";

/// The client id kept in the data folder, made at the first start; and whether it was there before.
pub(crate) fn client_id(data: &Path) -> Result<(String, bool), IngestError> {
    let file = data.join(FILE);
    read_or_make(data, &file).map_err(|source| IngestError::ClientId { file: file.display().to_string(), source })
}

/// The client id of the Sparkplug host, beside that of the connection for plain JSON: 20 characters where that one is Davy's own.
pub(crate) fn host_client_id(client_id: &str) -> String {
    let own = client_id.strip_prefix("davy-ingest-").map(|random| format!("davy-host-{random}"));
    own.unwrap_or_else(|| format!("{client_id}-host"))
}

fn read_or_make(data: &Path, file: &Path) -> io::Result<(String, bool)> {
    match fs::read_to_string(file) {
        Ok(text) if is_client_id(text.trim()) => return Ok((text.trim().to_owned(), true)),
        Ok(_) => return Err(io::Error::new(ErrorKind::InvalidData, "it holds no client id; remove it to get a new one")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir_all(data)?;
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    // 22 characters: every broker must take 23.
    let id = format!("davy-ingest-{:010x}", random & 0xff_ffff_ffff);
    let new = file.with_extension("new");
    let mut written = File::create(&new)?;
    writeln!(written, "{id}")?;
    written.sync_all()?;
    fs::rename(&new, file)?;
    File::open(data)?.sync_all()?;
    Ok((id, false))
}

fn is_client_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (id, known) = client_id(&data).unwrap();
        assert!(id.starts_with("davy-ingest-") && id.len() == 22 && !known, "{id}");
        assert_eq!(client_id(&data).unwrap(), (id, true));
        fs::write(data.join(FILE), "a/#\n").unwrap();
        assert!(client_id(&data).is_err());
    }
}
