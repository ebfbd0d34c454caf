//! Diagnostics as an editor shows them.

use super::position::{Encoding, Lines};
use crate::diag::{self, Diagnostic, SourceId, Sources};
use gen_lsp_types as lsp;
use gen_lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, Uri,
};
use std::collections::BTreeMap;

/// Gives diagnostics the shape of the protocol.
pub struct Shaper<'a> {
    sources: &'a Sources,
    uris: &'a dyn Fn(SourceId) -> Uri,
    encoding: Encoding,
    lines: BTreeMap<SourceId, Lines<'a>>,
}

impl<'a> Shaper<'a> {
    pub fn new(
        sources: &'a Sources,
        uris: &'a dyn Fn(SourceId) -> Uri,
        encoding: Encoding,
    ) -> Shaper<'a> {
        Shaper { sources, uris, encoding, lines: BTreeMap::new() }
    }

    pub fn range(&mut self, span: diag::Span) -> lsp::Range {
        let lines = self
            .lines
            .entry(span.source)
            .or_insert_with(|| Lines::new(&self.sources.get(span.source).text, self.encoding));
        lines.span(span)
    }

    pub fn location(&mut self, span: diag::Span) -> Location {
        Location { uri: (self.uris)(span.source), range: self.range(span) }
    }

    /// The second place of a mistake becomes related information. What can be left out is shown
    /// faint.
    pub fn shape(&mut self, diagnostic: &Diagnostic) -> lsp::Diagnostic {
        let (first, others) = match &diagnostic.labels[..] {
            [first, others @ ..] => (first.span, others),
            [] => (diag::Span::default(), &[][..]),
        };
        let related: Vec<DiagnosticRelatedInformation> = others
            .iter()
            .map(|label| DiagnosticRelatedInformation {
                location: self.location(label.span),
                message: label.message.clone(),
            })
            .collect();
        let idle = !diagnostic.is_error() && diagnostic.fixes.iter().any(|fix| fix.text.is_empty());
        lsp::Diagnostic {
            range: self.range(first),
            severity: Some(match diagnostic.severity {
                diag::Severity::Error => DiagnosticSeverity::Error,
                diag::Severity::Warning => DiagnosticSeverity::Warning,
            }),
            code: Some(diagnostic.code.to_string().into()),
            source: Some("cluec".to_string()),
            message: diagnostic.told().into(),
            tags: idle.then(|| vec![DiagnosticTag::Unnecessary]),
            related_information: (!related.is_empty()).then_some(related),
            ..Default::default()
        }
    }
}
