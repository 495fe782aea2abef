//! Messages on disk until they are acknowledged: one file, appended and synced, emptied when all is acknowledged.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use prost::Message;

use crate::v1::PushSamplesRequest;

/// Beyond this nothing more is taken until Davy acknowledges.
const BYTES_MAX: u64 = 256 << 20;

pub struct Buffer {
    file: File,
    waiting: VecDeque<PushSamplesRequest>,
    last: PushSamplesRequest,
}

impl Buffer {
    /// Opens the file; what stands in it is sent (again), and Davy drops what it has.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        let (mut waiting, mut whole) = (VecDeque::new(), 0);
        // A record that a crash cut short was never promised to anybody.
        while let Ok(message) = PushSamplesRequest::decode_length_delimited(&mut rest) {
            whole = bytes.len() - rest.len();
            waiting.push_back(message);
            if rest.is_empty() {
                break;
            }
        }
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let last = waiting.back().cloned().unwrap_or_default();
        Ok(Self { file, waiting, last })
    }

    pub fn is_full(&mut self) -> bool {
        self.file.stream_position().is_ok_and(|bytes| bytes > BYTES_MAX)
    }

    /// Gives the message its number and makes it durable.
    pub fn add(&mut self, mut message: PushSamplesRequest) -> io::Result<()> {
        message.sequence = self.last.sequence + 1;
        self.file.write_all(&message.encode_length_delimited_to_vec())?;
        self.file.sync_data()?;
        self.last = message.clone();
        self.waiting.push_back(message);
        Ok(())
    }

    pub fn after(&self, sequence: u64) -> Option<PushSamplesRequest> {
        let place = self.waiting.partition_point(|message| message.sequence <= sequence);
        self.waiting.get(place).cloned()
    }

    /// Forgets what is acknowledged; the last message stays in the file, for its number.
    pub fn forget_to(&mut self, sequence: u64) -> io::Result<()> {
        while self.waiting.front().is_some_and(|message| message.sequence <= sequence) {
            self.waiting.pop_front();
        }
        if self.waiting.is_empty() && self.last.sequence > 0 {
            // A crash right here loses the number: the count starts anew, which Davy takes for no gap.
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&self.last.encode_length_delimited_to_vec())?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
