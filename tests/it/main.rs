//! A plant in a box: the real binary against a real broker, seen from outside only.

mod backtest;
mod cap;
mod commands;
mod crash;
mod durability;
mod embedded;
mod fleet;
mod follow;
mod foreign;
mod history;
mod hostile;
mod opcua;
mod operator;
mod plant;
mod poison;
mod push;
mod reconnect;
mod reports;
mod simulate;
mod sites;
mod slow;
mod supervised;
mod warnings;
mod webhook;
