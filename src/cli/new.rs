//! `cluec new`: a commented file to start from.

use super::{Exit, usage};
use std::fs::OpenOptions;
use std::io::{self, Write};

const TEMPLATE: &str = include_str!("new.clue");

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the model is called; the file is NAME.clue
    #[arg(default_value = "my_model")]
    name: String,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let name = &args.name;
    if let Some(name) = name.strip_suffix(".clue").filter(|name| is_name(name)) {
        return usage(&format!(
            "name the model, not the file: `cluec new {name}` writes {name}.clue"
        ));
    }
    if !is_name(name) {
        return usage(&format!(
            "`{name}` is no name: a letter, then letters, digits and `_` (and no word of the language)"
        ));
    }
    let file = format!("{name}.clue");
    // Never over a file that is there.
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .and_then(|mut target| target.write_all(text(name).as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return usage(&format!(
                "there is a {file} already; give the model another name: `cluec new {name}2`"
            ));
        }
        Err(error) => return usage(&format!("{file} can not be written: {error}")),
    }
    writeln!(out, "{file}: a small model to start from")?;
    let (check, train) = (file.clone(), format!("{file} {name}"));
    let width = train.len();
    writeln!(out, "  cluec check {check:width$}  # every mistake, and what it costs")?;
    writeln!(out, "  cluec train {train:width$}  # trains it on generated images")?;
    Ok(Exit::Fine)
}

/// The starting file of a model called `name`.
pub fn text(name: &str) -> String {
    TEMPLATE.replace("my_model", name)
}

fn is_name(name: &str) -> bool {
    const RESERVED: [&str; 9] = ["from", "with", "of", "in", "when", "where", "and", "or", "not"];
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name)
}
