//! Tables for people: as lines, columns two blanks apart, as many as there is room for; a report
//! draws the same as HTML.

use super::visible;
use unicode_width::UnicodeWidthStr;

/// On which side the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// A table: what every column is called and on which side its cells stand, then the rows.
#[derive(Debug, Clone)]
pub struct Table {
    head: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[(&'static str, Side)]) -> Table {
        Table { head: head.to_vec(), rows: Vec::new() }
    }

    /// One cell for every column, in one line.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| visible(&cell).into_owned());
        self.rows.push(cells.collect());
    }

    /// What the columns are called, and where their cells stand.
    pub fn head(&self) -> &[(&'static str, Side)] {
        &self.head
    }

    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is room for all columns.
    pub fn fits(&self, width: Option<usize>) -> bool {
        let sum: usize = (0..self.head.len()).map(|column| self.width(column) + 2).sum();
        width.is_none_or(|width| sum <= width + 2)
    }

    /// The lines, not wider than `width`: columns that do not fit are left out from the right, and
    /// named below.
    pub fn render(&self, width: Option<usize>) -> String {
        let widths: Vec<usize> = (0..self.head.len()).map(|column| self.width(column)).collect();
        let fits = |count: &usize| {
            let sum: usize = widths[..*count].iter().map(|width| width + 2).sum();
            width.is_none_or(|width| sum <= width + 2)
        };
        let count = (1..=widths.len()).rev().find(fits).unwrap_or(1);
        let mut text = String::new();
        let head = self.head.iter().map(|(name, _)| name.to_string()).collect();
        for row in std::iter::once(&head).chain(&self.rows) {
            let cells: Vec<String> = (0..count)
                .map(|column| pad(&row[column], widths[column], self.head[column].1))
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        let left_out: Vec<&str> = self.head[count..].iter().map(|(name, _)| *name).collect();
        if !left_out.is_empty() {
            let note = format!("(no room for {})", super::list(&left_out, "and"));
            text.push_str(&wrapped(&note, width.unwrap_or(usize::MAX)));
            text.push('\n');
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].width());
        cells.chain([self.head[column].0.width()]).max().unwrap_or(0)
    }
}

/// A paragraph in lines of so many columns at most, where its words let it.
pub fn wrapped(text: &str, columns: usize) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let width = word.width();
        if column > 0 && column + 1 + width > columns {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

/// A text behind a few words, both in lines of so many columns at most where its words let it: later
/// lines begin below the first one's text.
pub fn hanging(before: &str, text: &str, columns: Option<usize>) -> String {
    let blanks = before.width();
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(blanks));
    format!("{before}{}\n", wrapped(text, room).replace('\n', &format!("\n{}", " ".repeat(blanks))))
}

fn pad(cell: &str, width: usize, side: Side) -> String {
    let blanks = " ".repeat(width.saturating_sub(cell.width()));
    match side {
        Side::Left => format!("{cell}{blanks}"),
        Side::Right => format!("{blanks}{cell}"),
    }
}
