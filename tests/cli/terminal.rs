//! What a terminal is shown: color unless it is refused, and lines no wider than it.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use unicode_width::UnicodeWidthStr;

/// Runs the binary in a terminal of so many columns; what that is shown.
pub fn shown(arguments: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    let size = libc::winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (0, 0);
    let none = std::ptr::null_mut();
    // SAFETY: the two places are ours, and no name and no modes are asked.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, none, none.cast(), &size) };
    assert_eq!(opened, 0);
    // SAFETY: both were opened just now and belong to nobody else.
    let (mut ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut child = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    let mut bytes = Vec::new();
    // The end of a terminal is an error on some systems.
    let _ = ours.read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

const WRONG: [&str; 2] = ["check", "tests/wrong/ten_is_no_probability.clue"];

#[test]
fn color_is_for_terminals_that_want_it() {
    let colored = |environment: &[(&str, &str)]| shown(&WRONG, 80, environment).contains('\u{1b}');
    assert!(colored(&[]));
    assert!(colored(&[("NO_COLOR", "")]));
    assert!(!colored(&[("NO_COLOR", "1")]));
    assert!(!colored(&[("TERM", "dumb")]));
    // A pipe gets none.
    let piped = Command::new(env!("CARGO_BIN_EXE_cluec"))
        .args(WRONG)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .output()
        .unwrap();
    assert!(String::from_utf8(piped.stderr).unwrap().contains("E0302"));
}

#[test]
fn reports_and_tables_are_as_wide_as_the_terminal() {
    let plain = [("NO_COLOR", "1")];
    let widest = |text: &str| text.lines().map(|line| line.trim_end().width()).max().unwrap();
    let missing = ["check", "tests/wrong/missing.clue"];
    for columns in [50, 72, 120] {
        let text = shown(&missing, columns, &plain);
        assert!(text.contains("E0307"), "{text}");
        assert!(widest(&text) <= usize::from(columns), "{columns}\n{text}");
    }
    // What there is room for is used.
    assert!(
        shown(&missing, 50, &plain).lines().count() > shown(&missing, 120, &plain).lines().count()
    );

    // Of what it explains, nothing is left out.
    let words = |columns| {
        let text = shown(&["explain", "cluster"], columns, &plain);
        assert!(widest(&text) <= usize::from(columns), "{columns}\n{text}");
        text.split_whitespace().filter(|word| *word == "7x7").count()
    };
    assert_eq!(words(60), words(200));

    let table = ["check", "models/cluenet_micro.clue"];
    let narrow = shown(&table, 40, &plain);
    assert!(narrow.contains("(no room for ") && widest(&narrow) <= 40, "{narrow}");
    assert!(!shown(&table, 200, &plain).contains("no room for"));
}
