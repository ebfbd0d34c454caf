//! Paths in commands that one is told to run.

use std::path::Path;

/// A path as it is typed: quoted where a shell would take a part of it for something else.
pub fn typed(path: &Path) -> String {
    let path = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:=@%,".contains(c);
    // What begins as an option does is none.
    let path = if path.starts_with('-') { format!("./{path}") } else { path.into_owned() };
    match !path.is_empty() && path.chars().all(plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_path_is_one_word() {
        for (path, word) in [
            ("runs/tiny-2", "runs/tiny-2"),
            ("out dir", "'out dir'"),
            ("it's", "'it'\\''s'"),
            ("-x", "./-x"),
            ("", "''"),
        ] {
            assert_eq!(typed(Path::new(path)), word);
        }
    }
}
