//! The sentences for settings that do not fit: what was expected, and what to write.

use super::assign::{Outcome, Scope};
use super::elsewhere::Meant;
use super::items::{Item, Sort};
use super::layers::Line;
use super::settings::{Whole, first_stage};
use crate::diag::number::grouped;
use crate::diag::{Diagnostic, Help, Span, Spanned, Written, list, nearest, suggest};
use crate::schema::{Field, Kind, MOST, MOST_OF_A_SIDE, Parse, Slot, Tree, Ty, fits, scaled};
use crate::syntax::ast::{Literal, Number, Setting};

impl Scope<'_> {
    pub fn unknown_key(
        &mut self,
        tree: &Tree,
        slot: Option<&'static Slot>,
        key: &Spanned<String>,
    ) -> Outcome {
        let kind = tree.kind;
        let other = slot
            .iter()
            .flat_map(|s| s.kinds)
            .find(|other| other.name != kind.name && other.field(key).is_some());
        let diagnostic = match (slot, other) {
            (Some(slot), Some(other)) => {
                let message = format!(
                    "`{}` belongs to {}; the {} is {}",
                    key.value, other.name, slot.name, kind.name
                );
                let diagnostic =
                    Diagnostic::error("E0301", message).at(key.span, "not a setting of this kind");
                let diagnostic = match tree.said {
                    Some(said) => diagnostic.at(said, format!("{} is named here", kind.name)),
                    None => diagnostic,
                };
                diagnostic.help(
                    Help::from("leave it out, or turn to that kind: ")
                        .setting(slot.name, other.name),
                )
            }
            _ => {
                return self.no_setting(kind.name, &[kind], key);
            }
        };
        self.diags.push(diagnostic);
        Outcome::Failed
    }

    /// `owner`, whose settings are those of `kinds`, has no such setting. If another one was meant,
    /// that it is missing does not follow.
    pub fn no_setting(&mut self, owner: &str, kinds: &[&Kind], key: &Spanned<String>) -> Outcome {
        let meant = Meant::by(kinds, key);
        let message = format!("{owner} has no setting `{}`", key.value);
        let diagnostic =
            Diagnostic::error("E0301", message).at(key.span, "unknown").help(meant.help);
        self.diags.push(match meant.name {
            Some(name) => diagnostic.fix(key.span, name),
            None => diagnostic,
        });
        if let Some(setting) = meant.setting {
            self.outgrown.answered_key(&setting);
            self.failed.insert(setting);
        }
        Outcome::Failed
    }

    pub fn wrong_type(
        &mut self,
        field: &Field,
        key: &Spanned<String>,
        row: &[Spanned<Literal>],
        place: Span,
    ) {
        let expected = field.ty.expected();
        if row.len() > 1 && field.ty.arity() == 1 {
            let of_the_whole = Whole::KIND.field(field.name).is_some_and(|f| f.doc == field.doc);
            let whole = if of_the_whole { " for the whole model" } else { "" };
            let message = format!("`{}` takes one value{whole}", key.value);
            let diagnostic =
                Diagnostic::error("E0302", message).at(place, format!("{} values", row.len()));
            self.diags.push(match as_range(field, row) {
                Some(range) => diagnostic.help(Help::write(field.name, &range)).fix(place, range),
                None => diagnostic.help(format!("{}: {expected}", field.doc)),
            });
            return;
        }
        let row_of = match self.columns {
            Some(n) if n > 1 && matches!(field.ty.inner(), Ty::Plain { .. }) => {
                format!(", or a row of {n}")
            }
            _ => String::new(),
        };
        let message = format!("`{}` is {expected}{row_of}", key.value);
        let label = match fits(row.len(), field.ty.arity()) {
            true => "does not fit".to_string(),
            false => format!("{} values", row.len()),
        };
        let mut diagnostic = Diagnostic::error("E0302", message).at(place, label);
        if let Some(color) = from_bytes(field, row) {
            let help = Help::from("colors lie between 0 and 1: write ");
            diagnostic = diagnostic.help(help.setting(field.name, &color)).fix(place, color);
        }
        if field.ty.arity() == 1
            && let Some(first) = row.first()
            && let Some((help, texts)) = hint(field, &first.value)
        {
            diagnostic = diagnostic.help(help);
            let span = first.span;
            diagnostic = texts.into_iter().fold(diagnostic, |told, text| told.fix(span, text));
        }
        self.diags.push(diagnostic);
    }

    pub fn no_value(&mut self, field: &Field, kind: &Kind, place: Span) {
        let message = format!("`{}` takes settings in braces", field.name);
        self.diags.push(
            Diagnostic::error("E0302", message)
                .at(place, "a value")
                .help(format!("its settings: {}", kind.field_names().join(", "))),
        );
    }

    pub fn nothing_inside(&mut self, field: &Field, key: &Spanned<String>) {
        let message = format!("`{}` has no settings inside", field.name);
        self.diags.push(
            Diagnostic::error("E0304", message).at(key.span, "can not be set there").help(format!(
                "`{}` is {}",
                field.name,
                field.ty.expected()
            )),
        );
    }

    pub fn inside_off(&mut self, field: &Field, key: &Spanned<String>, off: Span) {
        // A group is turned on by what is inside, and not in the body that turns it off.
        let help = match field.ty.implicit().is_some() {
            true => Help::from("leave out one of the two"),
            false => Help::from("a kind turns it on: ").then(kinds(field)),
        };
        self.diags.push(
            Diagnostic::error("E0305", format!("`{}` is off", field.name))
                .at(key.span, "inside something that is off")
                .at(off, "off here")
                .help(help),
        );
    }

    /// A path goes into a slot that has no kind yet.
    pub fn no_kind(
        &mut self,
        field: &Field,
        slot: Option<&'static Slot>,
        keys: &[Spanned<String>],
    ) -> Outcome {
        let known = slot.iter().flat_map(|slot| slot.kinds);
        // That the kind is missing is said here, and not again.
        self.failed.insert(field.name.to_string());
        if !known.clone().any(|kind| kind.field(&keys[1]).is_some()) {
            let message = format!("no {} has a setting `{}`", field.name, keys[1].value);
            let names: Vec<&str> = known.flat_map(|kind| kind.field_names()).collect();
            let mut help = Help::from(suggest(&keys[1], &names));
            if !self.holes {
                help = help.words("\na kind is missing too: ").then(kinds(field));
            }
            let diagnostic = Diagnostic::error("E0301", message).at(keys[1].span, "unknown");
            self.diags.push(diagnostic.suggest(keys[1].span, &keys[1], &names).help(help));
            return Outcome::Failed;
        }
        if self.holes {
            return Outcome::Changed;
        }
        self.diags.push(
            Diagnostic::error("E0308", format!("`{}` has no kind yet", field.name))
                .at(keys[0].span, "which kind?")
                .help(Help::from("name it: ").then(kinds(field))),
        );
        Outcome::Failed
    }

    pub fn one_kind(&mut self, field: &Field, row: &[Spanned<Literal>], place: Span) {
        let diagnostic = Diagnostic::error("E0302", format!("`{}` takes one kind", field.name));
        self.diags.push(match row {
            [] => diagnostic
                .at(place, "a kind is missing")
                .help(Help::from("name it: ").then(kinds(field))),
            _ => diagnostic.at(place, format!("expected {}", field.ty.expected())),
        });
    }

    pub fn named_again(&mut self, field: &Field, kind: &Kind, again: Span, before: Span) {
        // One text laid twice names all its kinds again.
        if let Some([here, there]) = self.laid.filter(|_| again == before) {
            let name = self.sources.slice(here);
            self.diags.push(
                Diagnostic::error("E0306", format!("`{name}` is laid twice: its kinds are there already"))
                    .at(here, "laid again here")
                    .at(there, "laid here")
                    .help("what is laid over it is not made of it too: it says what it changes, and no more"),
            );
            return;
        }
        let setting = match &self.inside[..] {
            [] => Written::new(field.name, SETTINGS),
            [one] => {
                let Written { path, row } = self.squeezed(one);
                Written::new(format!("{}.{path}", field.name), row)
            }
            all => Written::new(field.name, self.in_braces(all)),
        };
        let message = format!("the {} of `{}` is {} already", field.name, self.owner, kind.name);
        let mut diagnostic = Diagnostic::error("E0306", message)
            .at(again, "named again")
            .at(before, "named here")
            .help(match kind.fields {
                [] => Help::from("leave it out: there is nothing to change inside"),
                _ => Help::from("to change it leave the kind out: ").written(setting),
            });
        if !self.inside.is_empty() {
            diagnostic = diagnostic.fix(Span { end: again.end + 1, ..again }, "");
        }
        self.diags.push(diagnostic);
    }

    /// Gives the name that was meant, if one is near.
    pub fn no_such_kind(
        &mut self,
        field: &Field,
        slot: &Slot,
        name: &str,
        place: Span,
    ) -> Option<String> {
        // It may stand in a file that can not be read.
        if self.items.partial.contains(&self.home) {
            return None;
        }
        let kinds = slot.kinds.iter().map(|k| k.name).filter(|_| slot.single().is_none());
        let items = self.items.visible(self.home, Sort::Slot(slot.name));
        let mut names: Vec<&str> = kinds.chain(items.map(|i| i.name.as_str())).collect();
        if field.ty.takes_off() {
            names.push("off");
        }
        let what =
            if field.name == slot.name { String::new() } else { format!(" ({})", slot.name) };
        let told = Diagnostic::error("E0309", format!("there is no {}{what} `{name}`", field.name))
            .at(place, "unknown")
            .suggest(place, name, &names);
        let off = switch(field, &Literal::Name(name.to_string())).filter(|_| field.ty.takes_off());
        let within = off.or_else(|| kind_within(name, &names));
        let near = nearest(name, names.iter().copied());
        let told = match within.filter(|_| near.is_none()) {
            Some(meant) => told.help(format!("did you mean `{meant}`?")).fix(place, meant),
            None => told,
        };
        // `recipe recipe { … }`, as an item is written.
        self.diags.push(match slot.single() {
            Some(kind) if kind.name == name || names.iter().all(|name| *name == "off") => {
                told.help(Help::from("leave the name out: ").setting(field.name, SETTINGS))
            }
            _ => told,
        });
        near.or(within).map(str::to_string)
    }

    pub fn item_without_kind(&mut self, item: &Item, slot: &Slot) {
        let kinds: Vec<String> = slot
            .kinds
            .iter()
            .map(|kind| format!("`{} {} from {}`", slot.name, item.name.value, kind.name))
            .collect();
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        self.diags.push(
            Diagnostic::error("E0308", format!("`{}` has no kind", item.name.value))
                .at(item.name.span, "which kind?")
                .help(format!("write {}", list(&kinds, "or"))),
        );
    }

    /// Whether a line has a body where it must not.
    pub fn row_with_body(&mut self, line: &Line) -> bool {
        let (true, Some(open)) = (line.row.len() > 1, line.open) else { return false };
        let path = line.path().join(".");
        let first = first_stage(&line.keys[0]);
        self.diags.push(
            Diagnostic::error("E0317", "a row has no body")
                .at(open, "whose settings are these?")
                .at(line.row_span(), format!("{} values", line.row.len()))
                .help(
                    Help::from("say what is inside by stages: ")
                        .setting(format!("{path}@{first}"), SETTINGS),
                ),
        );
        true
    }

    /// The text of a setting in one line.
    pub fn squeezed(&self, setting: &Setting) -> Written {
        let path = self.sources.slice(setting.path.span);
        let row = Span { start: setting.path.span.end, ..setting.span };
        let words = self.sources.slice(row).split_whitespace().map(str::to_string);
        let body = setting.body.iter().map(|body| self.in_braces(&body.settings));
        let row: Vec<String> = words.chain(body).collect();
        Written::new(path, row.join(" "))
    }

    fn in_braces(&self, settings: &[Setting]) -> String {
        let lines = settings.iter().map(|setting| self.squeezed(setting).to_string());
        format!("{{ {} }}", lines.collect::<Vec<String>>().join("; "))
    }
}

/// A body whose settings are to be filled in.
const SETTINGS: &str = "{ … }";

/// `` `pool icp` or `pool conv` ``.
fn kinds(field: &Field) -> Help {
    let Ty::Slot(slot) = field.ty.inner() else {
        return Help::default().setting(field.name, SETTINGS);
    };
    let kinds = slot.kinds.iter().map(|kind| Written::new(field.name, kind.name));
    Help::default().settings(kinds.collect(), "or")
}

/// Two numbers where a range is meant.
fn as_range(field: &Field, row: &[Spanned<Literal>]) -> Option<String> {
    let [Spanned { value: Literal::Number(low), .. }, Spanned { value: Literal::Number(high), .. }] =
        row
    else {
        return None;
    };
    let range = Literal::Range(low.clone(), high.clone());
    let words = format!("{}{}..{}{}", low.digits, low.unit, high.digits, high.unit);
    field.ty.parse(&[range]).map(|_| words)
}

/// A color in bytes, where one between 0 and 1 is meant.
fn from_bytes(field: &Field, row: &[Spanned<Literal>]) -> Option<String> {
    let part = |value: &Spanned<Literal>| match &value.value {
        Literal::Number(number) if number.unit.is_empty() && number.value <= 255.0 => {
            let digits = format!("{:.3}", number.value / 255.0);
            Some(Number { value: digits.parse().ok()?, digits, unit: String::new() })
        }
        _ => None,
    };
    let parts = row.iter().map(part).collect::<Option<Vec<Number>>>()?;
    let words: Vec<&str> = parts.iter().map(|part| part.digits.as_str()).collect();
    let color: Vec<Literal> = parts.iter().cloned().map(Literal::Number).collect();
    (field.ty.arity() == 3).then(|| field.ty.parse(&color)).flatten().map(|_| words.join(" "))
}

/// One side, where rows and columns are meant.
fn square(number: &Number, parse: Parse) -> Option<String> {
    let side = number.digits.parse().ok().filter(|_| number.unit.is_empty())?;
    parse(&[Literal::Size(vec![side, side])]).map(|_| format!("{side}x{side}"))
}

/// A whole number that would do, were it smaller.
fn is_too_large(number: &Number, parse: Parse) -> bool {
    let takes = |value: f64| {
        parse(&[Literal::Number(Number { digits: String::new(), value, unit: String::new() })])
    };
    let most = f64::from(MOST);
    let bounded = takes(most).is_some() && takes(most + 1.0).is_none();
    scaled(number).is_some_and(|value| value > most) && bounded
}

/// What the writer of a value that does not fit may have meant, and what to write instead.
fn hint(field: &Field, value: &Literal) -> Option<(Help, Vec<String>)> {
    let write = |row: String| Some((Help::write(field.name, &row), vec![row]));
    if let Some(switch) = switch(field, value) {
        return write(switch.to_string());
    }
    match (value, field.ty.inner()) {
        (Literal::Name(word), Ty::Words(words)) => {
            let near = nearest(word, words.iter().map(|w| w.name))?;
            Some((format!("did you mean `{near}`?").into(), vec![near.to_string()]))
        }
        (Literal::Number(number), Ty::Plain { parse, .. }) => {
            if let Some(square) = square(number, *parse) {
                return write(square);
            }
            if is_too_large(number, *parse) {
                return Some((format!("{} at most", grouped(MOST.into())).into(), Vec::new()));
            }
            if !["", "%", "K", "M", "G"].contains(&number.unit.as_str()) {
                let upper = Number { unit: number.unit.to_uppercase(), ..number.clone() };
                let written = format!("{}{}", number.digits, upper.unit);
                if parse(&[Literal::Number(upper)]).is_some() {
                    return write(written);
                }
                let help = format!("`{}` is no unit; there is %, K, M and G", number.unit);
                return Some((help.into(), Vec::new()));
            }
            if let Some(help) = out_of_reach(field, number) {
                return Some((help.into(), Vec::new()));
            }
            // A percentage without its sign?
            let mut percent = number.clone();
            percent.unit = "%".to_string();
            let fits = number.unit.is_empty()
                && number.value > 1.0
                && number.value <= 100.0
                && parse(&[Literal::Number(percent)]).is_some();
            let meant = [format!("{}%", number.digits), (number.value / 100.0).to_string()];
            fits.then(|| (format!("`{}` or `{}`?", meant[0], meant[1]).into(), meant.to_vec()))
        }
        (Literal::Range(low, high), Ty::Plain { parse, .. }) => {
            let percent = |end: &Number| Number { unit: "%".to_string(), ..end.clone() };
            let bare = low.unit.is_empty() && high.unit.is_empty() && high.value > 1.0;
            let meant = [(high.clone(), low.clone()), (percent(low), percent(high))];
            let mut meant = meant.into_iter().take(if bare { 2 } else { 1 });
            let (low, high) = meant.find(|(low, high)| {
                parse(&[Literal::Range(low.clone(), high.clone())]).is_some()
            })?;
            let range = format!("{}{}..{}{}", low.digits, low.unit, high.digits, high.unit);
            Some((format!("write `{range}`").into(), vec![range]))
        }
        (Literal::Size(sides), Ty::Plain { parse, .. })
            if parse(&[Literal::Size(vec![1, 1])]).is_some() =>
        {
            let help = match sides.len() {
                2 => format!("both sides are from 1 to {}", grouped(MOST_OF_A_SIDE as u64)),
                sides => format!("rows and columns are two numbers, and these are {sides}"),
            };
            Some((help.into(), Vec::new()))
        }
        (Literal::Name(path), Ty::Path) => write(format!("\"{path}\"")),
        _ => None,
    }
}

/// What other languages call `off` and `on`.
fn switch(field: &Field, value: &Literal) -> Option<&'static str> {
    let meant = match value {
        Literal::Name(word) => match word.to_lowercase().as_str() {
            "off" | "none" | "null" | "nil" | "false" | "no" => "off",
            "on" | "true" | "yes" => "on",
            _ => return None,
        },
        _ => return None,
    };
    if field.ty.parse(&[Literal::Name(meant.to_string())]).is_some() {
        return Some(meant);
    }
    // There is one thing that it can be turned to.
    match (meant, field.ty.inner()) {
        ("on", Ty::Words([word])) => Some(word.name),
        _ => None,
    }
}

/// The kind in a name that another program gives it: `CosineAnnealingLR`.
fn kind_within<'a>(name: &str, kinds: &[&'a str]) -> Option<&'a str> {
    let whole = name.to_lowercase().replace('_', "");
    let within = |kind: &&&str| kind.len() > 2 && whole.contains(&kind.replace('_', ""));
    kinds.iter().filter(within).max_by_key(|kind| kind.len()).copied()
}

/// A number of the right sort that is none in 32 bits.
fn out_of_reach(field: &Field, number: &Number) -> Option<String> {
    let one = Number { digits: "1".to_string(), value: 1.0, unit: String::new() };
    field.ty.parse(&[Literal::Number(one)])?;
    match scaled(number)? {
        value if value > f64::from(f32::MAX) => {
            Some("it is computed with in 32 bits, whose numbers end at 3.4e38".to_string())
        }
        value if value > 0.0 && value as f32 == 0.0 => {
            Some("it is computed with in 32 bits, where it is 0".to_string())
        }
        _ => None,
    }
}
