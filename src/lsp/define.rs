//! Where a thing is said: items, files, settings of the layers beneath.

use super::subject::{Subject, subject};
use super::view::View;
use crate::diag::Span;
use crate::model::Look;
use gen_lsp_types::Location;

/// The places that say what the word at a byte means. Of a setting, where the layers beneath say it.
pub fn definition(view: View<'_>, byte: usize) -> Vec<Location> {
    let spans = match subject(view, byte) {
        Some((Subject::Item(item), _)) => vec![item.name.span],
        Some((Subject::File(id), _)) => vec![Span::new(id, 0, 0)],
        Some((Subject::Setting { item, path, .. }, _)) => {
            let keys: Vec<&str> = path.iter().map(|step| step.key).collect();
            let beneath = Look::beneath(&view.reading.sources, view.items(), item);
            let mut spans: Vec<Span> = beneath
                .settings
                .iter()
                .filter(|setting| setting.path == keys.join("."))
                .filter_map(|setting| setting.said)
                .collect();
            // The values of a row are one place.
            spans.dedup_by(|next, row| {
                let same = next.source == row.source && next.start >= row.end;
                let between = Span { start: row.end, end: next.start.max(row.end), ..*row };
                let whole =
                    *next == *row || same && !view.reading.sources.slice(between).contains('\n');
                if whole {
                    *row = row.to(*next);
                }
                whole
            });
            spans
        }
        _ => Vec::new(),
    };
    spans.into_iter().map(|span| view.location(span)).collect()
}
