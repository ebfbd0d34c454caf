//! How training goes: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

pub struct Progress {
    bar: Option<ProgressBar>,
    spoken: Instant,
    quiet: bool,
}

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(10);

impl Progress {
    /// Of a training of `steps` steps, `done` of them behind it.
    pub fn new(steps: u64, done: u64, quiet: bool) -> Progress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(steps).with_position(done);
            let template = "{bar:30} {pos}/{len} {msg} eta {eta}";
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()),
            );
            bar.reset_eta();
            bar
        });
        Progress { bar, spoken: Instant::now(), quiet }
    }

    /// After a step.
    pub fn step(&mut self, step: u64, text: impl FnOnce() -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(step);
                bar.set_message(text());
            }
            None if self.spoken.elapsed() >= PAUSE => {
                self.spoken = Instant::now();
                self.line(&text());
            }
            None => {}
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if !self.quiet => eprintln!("{text}"),
            None => {}
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
