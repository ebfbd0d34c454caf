//! A concrete tree to its canonical lines.

use super::tree::{Block, Line, Setting};
use unicode_width::UnicodeWidthStr;

/// Columns that a line with a body on it may have, its remark left out.
const WIDTH: usize = 100;

const INDENT: &str = "    ";

/// The text of a whole file.
pub fn lay_out(file: Block<'_>) -> String {
    let mut out = String::new();
    block(&mut out, &file, 0);
    out
}

fn block(out: &mut String, block: &Block<'_>, depth: usize) {
    let mut rest = &block.lines[..];
    while let Some(line) = rest.first() {
        let run: Vec<&Setting<'_>> = rest.iter().map_while(flat).collect();
        match line {
            Line::Setting(setting) if run.is_empty() => {
                open(out, setting, depth);
                rest = &rest[1..];
            }
            Line::Setting(_) => {
                let written = lay_out_run(out, &run, depth);
                if let Some(Line::Setting(wide)) =
                    rest[written..].first().filter(|_| written < run.len())
                {
                    open(out, wide, depth);
                    rest = &rest[written + 1..];
                } else {
                    rest = &rest[written..];
                }
            }
            Line::Blank => {
                out.push('\n');
                rest = &rest[1..];
            }
            Line::Comment(comment) => {
                write_line(out, depth, comment, None, 0);
                rest = &rest[1..];
            }
        }
    }
}

/// A setting that fits on one line as it was written.
fn flat<'b, 'a>(line: &'b Line<'a>) -> Option<&'b Setting<'a>> {
    match line {
        Line::Setting(setting) if setting.body.as_ref().is_none_or(is_flat) => Some(setting),
        _ => None,
    }
}

/// An empty body is flat however it was written.
fn is_flat(block: &Block<'_>) -> bool {
    block.remark.is_none() && (block.flat || block.lines.is_empty())
}

/// A setting whose body has lines of its own.
fn open(out: &mut String, setting: &Setting<'_>, depth: usize) {
    let Some(body) = &setting.body else { return };
    let mut head = setting.path.to_string();
    for word in &setting.words {
        head.push(' ');
        head.push_str(word);
    }
    head.push_str(" {");
    write_line(out, depth, &head, body.remark, 0);
    block(out, body, depth + 1);
    write_line(out, depth, "}", setting.remark, 0);
}

/// Writes the first settings of a run under each other and returns how many: all, or those before
/// the first that is too wide with its body on the line.
fn lay_out_run(out: &mut String, run: &[&Setting<'_>], depth: usize) -> usize {
    let mut lines = aligned(run, depth);
    let wide = |(line, setting): (&String, &&Setting<'_>)| {
        setting.body.as_ref().is_some_and(|body| !body.lines.is_empty())
            && depth * INDENT.len() + line.width() > WIDTH
    };
    if let Some(first) = lines.iter().zip(run).position(wide) {
        // What stands before it is a run of its own.
        lines = aligned(&run[..first], depth);
    }
    let remarked = lines.iter().zip(run).filter(|(_, setting)| setting.remark.is_some());
    let column = remarked.map(|(line, _)| line.width()).max().unwrap_or(0);
    for (line, setting) in lines.iter().zip(run) {
        write_line(out, depth, line, setting.remark, column);
    }
    lines.len()
}

/// Every setting of a run as one line, values in one column. The names of items are no values: at
/// the left edge nothing is aligned.
fn aligned(run: &[&Setting<'_>], depth: usize) -> Vec<String> {
    let valued = run.iter().filter(|s| !s.words.is_empty() || s.body.is_some());
    let column = valued.map(|s| s.path.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut rest = run;
    while let Some(first) = rest.first() {
        let rows = rest.iter().take_while(|s| first.row > 1 && is_integers(s, first.row)).count();
        let (rows, after) = rest.split_at(rows.max(1));
        let widths: Vec<usize> = (0..first.row)
            .map(|index| rows.iter().map(|s| s.words[index].len()).max().unwrap_or(0))
            .collect();
        for setting in rows {
            let mut parts = Vec::new();
            for (index, word) in setting.words.iter().enumerate() {
                let width = if rows.len() > 1 && depth > 0 { widths.get(index) } else { None };
                parts.push(format!("{word:>width$}", width = width.copied().unwrap_or(0)));
            }
            parts.extend(setting.body.as_ref().map(braces));
            let path = setting.path;
            let column = if depth > 0 && !parts.is_empty() { column } else { 0 };
            parts.insert(0, format!("{path:<column$}"));
            lines.push(parts.join(" "));
        }
        rest = after;
    }
    lines
}

/// A row of this many whole numbers; a stage that is off may be among them.
fn is_integers(setting: &Setting<'_>, length: usize) -> bool {
    let integer = |word: &String| {
        word == "off" || word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    setting.row == length && setting.words[..length].iter().all(integer)
}

/// `{ a 1; b 2 }`.
fn braces(block: &Block<'_>) -> String {
    let settings = block.lines.iter().filter_map(|line| match line {
        Line::Setting(setting) => Some(setting),
        _ => None,
    });
    let inner: Vec<String> = settings
        .map(|setting| {
            let mut parts = vec![setting.path.to_string()];
            parts.extend(setting.words.iter().cloned());
            parts.extend(setting.body.as_ref().map(braces));
            parts.join(" ")
        })
        .collect();
    if inner.is_empty() { "{}".to_string() } else { format!("{{ {} }}", inner.join("; ")) }
}

/// A line, its remark two blanks behind it or behind `column`.
fn write_line(out: &mut String, depth: usize, line: &str, remark: Option<&str>, column: usize) {
    out.push_str(&INDENT.repeat(depth));
    out.push_str(line);
    if let Some(remark) = remark {
        out.push_str(&" ".repeat(column.saturating_sub(line.width()) + 2));
        out.push_str(remark);
    }
    out.push('\n');
}
