//! Where the data contradicts the model in the same text: as far as that is known without looking at
//! an image.

use super::data::{Crop, Data, TestCrop};
use crate::diag::{Diagnostic, Span, Spanned, list};
use crate::graph::{Size, times};
use crate::schema::Count;

/// What CIFAR is published with, whatever the kind.
const CIFAR: Size = [32, 32];
const CIFAR_CLASSES: [usize; 2] = [10, 100];

/// Everything that does not fit the images that a model takes, and the classes that it tells apart.
pub fn agree(
    data: &Spanned<Option<Data>>,
    input: Spanned<Size>,
    classes: Spanned<Count>,
) -> Vec<Diagnostic> {
    let Some(kind) = &data.value else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(count(kind, data.span, classes));
    let mut told: Vec<Span> = Vec::new();
    for (part, given) in [("training", trained(kind, data.span)), ("test", tested(kind, data.span))]
    {
        let Some(given) = given.filter(|given| !given.fit(*input)) else { continue };
        // Images that nothing crops are the same in both parts.
        if !told.contains(&given.span) {
            told.push(given.span);
            found.push(given.misfit(part, input));
        }
    }
    found
}

fn count(data: &Data, place: Span, classes: Spanned<Count>) -> Option<Diagnostic> {
    let (there, span) = match data {
        Data::Shapes(shapes) => (vec![shapes.classes.value.0], shapes.classes.span),
        Data::Cifar(_) => (CIFAR_CLASSES.to_vec(), place),
        _ => return None,
    };
    let here = classes.value.0;
    if there.contains(&here) {
        return None;
    }
    let words: Vec<String> = there.iter().map(usize::to_string).collect();
    let words = list(&words.iter().map(String::as_str).collect::<Vec<_>>(), "or");
    let message = format!("the model tells {here} classes apart, and the data has {words}");
    let diagnostic = Diagnostic::error("E0701", message)
        .at(classes.span, format!("{here} here"))
        .at(span, format!("{words} here"));
    Some(diagnostic.help(format!("write `classes {}`", words.replace(" or ", "` or `classes "))))
}

/// What is known of the size of images when they come to the model, and what says so.
struct Given {
    size: Known,
    span: Span,
}

enum Known {
    Whole(Size),
    /// Only the shorter side.
    Shorter(usize),
}

impl Given {
    fn fit(&self, input: Size) -> bool {
        match self.size {
            Known::Whole(size) => size == input,
            Known::Shorter(side) => side == input[0].min(input[1]),
        }
    }

    fn misfit(&self, part: &str, input: Spanned<Size>) -> Diagnostic {
        let takes = times(*input);
        let given = match self.size {
            Known::Whole(size) => times(size),
            Known::Shorter(side) => format!("{side} pixels on their shorter side"),
        };
        let message = format!(
            "the model takes images of {takes} (rows x columns), and the {part} images are {given}"
        );
        Diagnostic::error("E0702", message)
            .at(self.span, format!("{given} here"))
            .at(input.span, "the images it takes")
            .help("crop the images to what the model takes, or let it take what there is")
    }
}

/// As stored, where every image of a kind has one size.
fn stored(data: &Data, place: Span) -> Option<Given> {
    match data {
        Data::Shapes(shapes) => {
            Some(Given { size: Known::Whole(shapes.size.value.0), span: shapes.size.span })
        }
        Data::Cifar(_) => Some(Given { size: Known::Whole(CIFAR), span: place }),
        _ => None,
    }
}

fn trained(data: &Data, place: Span) -> Option<Given> {
    let size = match &data.said().train.crop.value {
        Some(Crop::Padded(crop)) => crop.size,
        Some(Crop::Resized(crop)) => crop.size,
        None => return stored(data, place),
    };
    Some(Given { size: Known::Whole(*size), span: size.span })
}

fn tested(data: &Data, place: Span) -> Option<Given> {
    let Some(prepare) = data.said().test else { return stored(data, place) };
    match (&prepare.crop.value, &prepare.resize.value) {
        (Some(TestCrop::Center(crop)), _) => {
            Some(Given { size: Known::Whole(*crop.size), span: crop.size.span })
        }
        (None, Some(resize)) => {
            Some(Given { size: Known::Shorter(resize.shorter.value.0), span: resize.shorter.span })
        }
        (None, None) => stored(data, place),
    }
}
