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
                bar.set_message(text() + &memory());
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

/// `, 189 MiB`, where the system tells.
fn memory() -> String {
    resident("VmRSS").map_or(String::new(), |bytes| format!(", {} MiB", bytes >> 20))
}

/// Bytes of memory of this process, as a line of `/proc/self/status` has them (`VmRSS`: now,
/// `VmHWM`: at most); none where there is no such file.
pub fn resident(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with(line))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
