//! How training goes: a bar on a terminal, plain lines elsewhere.

use super::Record;
use crate::diag::say;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

pub struct Progress {
    bar: Option<ProgressBar>,
    /// Steps of the whole training, and those behind it when this began.
    total: u64,
    first: u64,
    began: Instant,
    /// When the last plain line was; the first one comes at once.
    spoken: Option<Instant>,
    quiet: bool,
}

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(10);
/// Columns of a terminal below which there is no room for a bar.
const NARROW: u16 = 72;

impl Progress {
    /// Of a training of `total` steps, `first` of them behind it.
    pub fn new(total: u64, first: u64, quiet: bool) -> Progress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| bar(total, first));
        // A terminal that can not move its cursor (`TERM=dumb`) is spoken to in lines.
        let bar = bar.filter(|bar| !bar.is_hidden());
        Progress { bar, total, first, began: Instant::now(), spoken: None, quiet }
    }

    /// After a step.
    pub fn step(&self, step: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(step);
        }
    }

    /// After a line of the metrics.
    pub fn show(&mut self, record: &Record) {
        let memory = memory();
        match &self.bar {
            Some(bar) => {
                // What counts least is cut off first.
                let (how, rate) = (how(record), rate(record));
                bar.set_message(format!("epoch {}, {how}{memory}, {rate}", record.epoch));
            }
            None if self.spoken.is_none_or(|at| at.elapsed() >= PAUSE) => {
                self.spoken = Some(Instant::now());
                let Record { step, epoch, .. } = record;
                self.line(&format!(
                    "step {step} of {}, epoch {epoch}: {}, {}{memory}{}",
                    self.total,
                    how(record),
                    rate(record),
                    self.left(*step)
                ));
            }
            None => {}
        }
    }

    /// `, 3m 12s left`, at the pace so far.
    fn left(&self, step: u64) -> String {
        let (done, left) = (step.saturating_sub(self.first), self.total.saturating_sub(step));
        if done == 0 || left == 0 {
            return String::new();
        }
        let seconds = self.began.elapsed().as_secs_f64() / done as f64 * left as f64;
        format!(", {} left", time(seconds))
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if !self.quiet => say(text),
            None => {}
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Without color. What there is no room for is cut off, never wrapped.
fn bar(total: u64, first: u64) -> ProgressBar {
    let narrow = terminal_size::terminal_size_of(std::io::stderr())
        .is_some_and(|(width, _)| width.0 < NARROW);
    let template = match narrow {
        true => "{pos}/{len} eta {eta} {wide_msg}",
        false => "{bar:10} {pos}/{len} eta {eta} {wide_msg}",
    };
    let bar = ProgressBar::new(total).with_position(first);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
    bar.reset_eta();
    bar
}

fn how(record: &Record) -> String {
    let skipped = match record.skipped {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    format!(
        "loss {:.4}, top-1 {:.1} %{skipped}, {:.0} images/s",
        record.loss,
        100.0 * record.top1,
        record.images_per_second.unwrap_or(0.0)
    )
}

fn rate(record: &Record) -> String {
    format!("lr {:.2e}", record.lr.unwrap_or(0.0))
}

/// The two largest units of a time.
fn time(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, m, _) if h < 24 => format!("{h}h {m}m"),
        (h, ..) => format!("{}d {}h", h / 24, h % 24),
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

/// Lets the most that was resident be counted anew, from what is resident now; where the system does not
/// let that be, it goes on being counted.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_told_in_two_units() {
        let told = [0.4, 59.6, 3599.0, 3600.0, 90_000.0].map(super::time);
        assert_eq!(told, ["0s", "1m 0s", "59m 59s", "1h 0m", "1d 1h"]);
    }
}
