//! The language server, `cluec lsp`: what an editor asks of a text, and what is wrong with it as it
//! is typed.
//!
//! Messages are handled one after the other, so that an answer is always about the text as the editor
//! sees it. Texts are checked as the command line checks them, when the last message that waits has
//! been handled; nothing is known here about kinds and settings that the schema does not say.

mod actions;
mod capabilities;
mod complete;
mod define;
mod documents;
mod edits;
mod homes;
mod hover;
mod names;
mod place;
mod position;
mod reading;
mod reports;
mod requests;
mod server;
mod subject;
mod symbols;
mod transport;
mod typing;
mod view;

use server::Server;
use std::io::{BufReader, Read, Result, Write};
use std::sync::mpsc::sync_channel;

/// Messages that may wait to be handled.
const WAITING: usize = 256;

/// Serves the editor at the other end until it says good-bye; whether it did so properly, by
/// `shutdown` and `exit`.
pub fn serve(input: impl Read + Send + 'static, out: &mut dyn Write) -> Result<bool> {
    let (sender, messages) = sync_channel(WAITING);
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        while let Ok(Some(message)) = transport::read(&mut input) {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    let mut server = Server::default();
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            if let Some(proper) = server.take(message, out)? {
                return Ok(proper);
            }
            next = messages.try_recv().ok();
        }
        server.show_reports(out)?;
    }
    Ok(false)
}
