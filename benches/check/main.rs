//! How fast the front end is: `cluec check` of the largest published model as a whole process, and a
//! thousand models in one.
//!
//! `cargo bench --bench check`. Times are of the processor, so that a busy machine does not matter
//! much; the median and the range of several runs are printed.

use cluec::cli::check::{Outcome, report_human};
use cluec::diag::Sources;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Whole processes timed, and times that the models are checked.
const PROCESSES: usize = 40;
const ROUNDS: usize = 5;
const MODELS: usize = 1000;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = root.join("models/cluenet_base.clue");
    let times = (0..PROCESSES).map(|_| {
        let before = spent(libc::RUSAGE_CHILDREN);
        let status = Command::new(env!("CARGO_BIN_EXE_cluec"))
            .arg("check")
            .arg(&base)
            .stdout(Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "the check failed");
        spent(libc::RUSAGE_CHILDREN) - before
    });
    print("cluec check models/cluenet_base.clue, a process", times.collect());

    let texts: Vec<String> = (0..MODELS).map(text).collect();
    let name = root.join("models/one.clue").display().to_string();
    let times = (0..ROUNDS).map(|_| {
        let before = spent(libc::RUSAGE_SELF);
        for text in &texts {
            let mut sources = Sources::default();
            let (program, diags) = cluec::compile_text(&mut sources, &name, text, &[]);
            assert!(diags.0.is_empty(), "{:?}", diags.0);
            let file = name.clone();
            let outcome = Outcome { file, sources, program, diags, needs: Vec::new() };
            std::hint::black_box(report_human(&[outcome], None, None));
        }
        spent(libc::RUSAGE_SELF) - before
    });
    print("1,000 models of four stages, checked and counted in one process", times.collect());
}

/// A model like the published ones, unlike all others here.
fn text(index: usize) -> String {
    let [a, b] = [index % 32, index / 32];
    format!(
        "use \"cluenet.clue\"\n\n\
         model number_{index} from cluenet {{\n    \
             blocks 2 2 {} 2\n    width  {} {} 160 256\n    \
             mixer  {{ heads 1 2 5 8; head_width 32 }}\n    pool.norm_out layer\n}}\n",
        2 + a % 4,
        32 + 8 * (a / 4),
        64 + 8 * b,
    )
}

/// Time of the processor, of this process or of those it has waited for.
fn spent(whom: libc::c_int) -> Duration {
    // SAFETY: all zeros are a value of this plain struct, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whom, &mut usage);
        usage
    };
    let of = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let milliseconds = |time: Duration| 1e3 * time.as_secs_f64();
    println!(
        "{what}: {:.1} ms ({:.1} to {:.1}, {} runs)",
        milliseconds(times[times.len() / 2]),
        milliseconds(times[0]),
        milliseconds(times[times.len() - 1]),
        times.len()
    );
}
