//! What the settings of a mixer promise one another.

use super::space::Space;
use super::{Assigning, Cluster, Fuse, Key, MAX_STEPS, Memory, Query, Refine, Regroup};
use crate::blocks::windows_divide;
use crate::diag::number::{grouped, many};
use crate::diag::{Diagnostic, Help, Span};
use crate::graph::ops::Windows;
use crate::graph::{Builder, Size, Value, area, times};

impl Cluster {
    /// Where the mixer works, if its settings go together; else it says which do not.
    pub(super) fn check(&self, b: &mut Builder, x: Value) -> Option<Space> {
        let clashes = [
            self.fusion(),
            self.readers(),
            self.counts(),
            self.raw(),
            self.spares(),
            self.too_often(),
        ];
        let sound = clashes.iter().all(Option::is_none);
        clashes.into_iter().flatten().for_each(|clash| b.diags.push(clash));
        let channels = self.channels(b);
        let (map, _) = b.ty(x).as_map()?;
        let divides = windows_divide(b, self.windows, map, "the map");
        let channels = channels.filter(|_| sound && divides)?;
        self.warn_of_repeats(b, Windows(*self.windows).of(map));
        Some(Space {
            map,
            windows: *self.windows,
            centers: *self.grid,
            heads: self.heads.value.0,
            channels,
            raw: *self.layout == Memory::Raw,
        })
    }

    /// A mistake of a setting that is somewhere said, and another that it disagrees with.
    fn clash(
        code: &'static str,
        message: impl Into<String>,
        here: (Span, &str),
        there: (Span, &str),
        help: Help,
    ) -> Option<Diagnostic> {
        let diagnostic = Diagnostic::error(code, message).at(here.0, here.1);
        // Where both stand by default there is one place.
        let diagnostic = match here.0 == there.0 {
            true => diagnostic,
            false => diagnostic.at(there.0, there.1),
        };
        Some(diagnostic.help(help))
    }

    fn fusion(&self) -> Option<Diagnostic> {
        let fuse = (*self.fuse)?;
        if self.refine.is_none() {
            return Self::clash(
                "E0504",
                "`fuse` weighs the pooled center against a refined one, and nothing refines",
                (self.refine.span, "nothing refines"),
                (self.fuse.span, "weighs a refined center"),
                Help::from("add ").setting("mixer.fuse", "off"),
            );
        }
        if fuse == Fuse::Gate && self.head_width.value.0 < 2 {
            return Some(
                Diagnostic::error("E0505", "a gate needs heads of width 2 or more")
                    .at(self.head_width.span, "too narrow")
                    .at(self.fuse.span, "asked for here"),
            );
        }
        None
    }

    /// Something is computed and not read, or read and not computed.
    fn readers(&self) -> Option<Diagnostic> {
        let off = (self.refine.span, "nothing refines");
        if self.refine.is_none() && *self.key == Key::Own {
            return Self::clash(
                "E0511",
                "a key of its own is what centers attend by, and nothing refines them",
                (self.key.span, "nothing reads it"),
                off,
                Help::write("key", "shared").words(", or let centers refine"),
            );
        }
        if self.refine.is_none() && *self.query == Query::Refined {
            return Self::clash(
                "E0512",
                "pixels are compared with refined centers, and nothing refines",
                (self.query.span, "refined centers"),
                off,
                Help::write("query", "centers").words(", or let centers refine"),
            );
        }
        let asked = matches!(*self.query, Query::Centers | Query::Pooled);
        if self.refine.is_some() && self.regroup.is_some() && asked {
            return Self::clash(
                "E0511",
                "pixels are compared with pooled keys and regrouped: nothing reads refined centers",
                (self.refine.span, "nothing reads them"),
                (self.query.span, "compares with pooled keys"),
                Help::write("query", "refined")
                    .words(", or ")
                    .setting("refine", "off")
                    .words(" and ")
                    .setting("fuse", "off"),
            );
        }
        None
    }

    fn counts(&self) -> Option<Diagnostic> {
        let regroup = (*self.regroup)?;
        if *self.assign == Assigning::Hard || regroup == Regroup::Weighted {
            return None;
        }
        Self::clash(
            "E0513",
            "centers count their pixels, and in a soft assignment every pixel is everyone's",
            (self.regroup.span, "counts pixels"),
            (self.assign.span, "to all centers"),
            Help::write("regroup", "weighted").words(", or ").setting("assign", "hard"),
        )
    }

    /// The raw layout mixes channels with pixels: nothing may tell channels apart there.
    fn raw(&self) -> Option<Diagnostic> {
        if *self.layout == Memory::Plain {
            return None;
        }
        let (setting, span) = match (*self.fuse, *self.query) {
            (Some(_), _) => ("fuse", self.fuse.span),
            (None, Query::Heads | Query::Joint | Query::Pooled) => ("query", self.query.span),
            _ => return None,
        };
        Self::clash(
            "E0514",
            format!("`{setting}` weighs channels, and the raw layout mixes them with pixels"),
            (span, "weighs channels"),
            (self.layout.span, "raw here"),
            Help::write("fuse", "off")
                .words(" and ")
                .setting("query", "refined")
                .words(" or ")
                .setting("query", "centers"),
        )
    }

    fn spares(&self) -> Option<Diagnostic> {
        let asks = !matches!(*self.query, Query::Centers | Query::Refined);
        let none = *self.layout == Memory::Plain && asks && self.refine.is_some();
        if !*self.spare || !none {
            return None;
        }
        Some(
            Diagnostic::error("E0516", "every layer of this mixer is read")
                .at(self.spare.span, "nothing is spare")
                .help("leave out `spare`"),
        )
    }

    fn too_often(&self) -> Option<Diagnostic> {
        let Some(Refine::Dot(kind)) = &self.refine.value else { return None };
        (kind.steps.value.0 > MAX_STEPS).then(|| {
            Diagnostic::error("E0320", format!("centers gather at most {MAX_STEPS} times"))
                .at(kind.steps.span, "too often")
        })
    }

    /// The channels of all heads together.
    fn channels(&self, b: &mut Builder) -> Option<usize> {
        let channels = self.heads.value.0.checked_mul(self.head_width.value.0);
        let fits = channels.filter(|c| *c <= 1 << 20);
        if fits.is_none() {
            b.diags.push(
                Diagnostic::error(
                    "E0506",
                    "heads times head width is more than a million channels",
                )
                .at(self.heads.span, "so many heads")
                .at(self.head_width.span, "so wide"),
            );
        }
        fits
    }

    /// `map` is what the centers of one grid stand on.
    fn warn_of_repeats(&self, b: &mut Builder, map: Size) {
        let grid = *self.grid;
        // As published, bins repeat when a side of the grid exceeds twice the map's minus one.
        if (0..2).any(|axis| grid[axis] > 2 * map[axis] - 1) {
            let message = format!(
                "a {} grid on a {} map repeats centers: {} for {}",
                times(grid),
                times(map),
                grouped(area(grid)),
                many(area(map), "pixel")
            );
            b.diags.push(
                Diagnostic::warning("W0501", message)
                    .at(self.grid.span, "larger than the map")
                    .help(format!("at most {} tells centers apart", times(map))),
            );
        }
    }
}
