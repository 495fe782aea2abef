//! The engine from outside: crashes at every point, refusals to start wrongly, and the alarm API over a real server.

mod api;
mod commands;
mod elsewhere;
mod embedded;
mod floods;
mod listed;
#[expect(dead_code, reason = "what only the tests of exchange use")]
mod mem;
mod online;
mod past;
mod plant;
mod replay;
