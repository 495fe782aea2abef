//! Formats that go to other people, held against other people's readers: what Davy writes they read, and what they refuse is known.

mod cap;
mod webhook;
