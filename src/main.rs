//! Dispatch and exit code; everything else is the library's.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cluec::cli::run() {
        Ok(exit) => exit.into(),
        // Whoever reads has read enough: `cluec graph … | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if standard error is closed too.
            let _ = writeln!(std::io::stderr(), "error: cannot write the answer: {error}");
            ExitCode::FAILURE
        }
    }
}
