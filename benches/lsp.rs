//! How fast the language server answers a keystroke, from the editor's side of the pipes:
//!
//! ```text
//! cargo bench --no-default-features --bench lsp -- [models/cluenet_base.clue] [keystrokes]
//! ```
//! A keystroke is a change, the diagnostics it leads to, and then a hover or the proposals at the
//! cursor. `wall` is what an editor waits; `processor` is what the server computes meanwhile, which
//! other work on the machine does not disturb.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cluec"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Server { child, input, output }
    }

    fn send(&mut self, message: Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        self.until(|message| message.get("id").is_some())
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                self.output.read_line(&mut line).unwrap();
                match line.trim().split_once(": ") {
                    Some((_, value)) => length = value.parse().unwrap(),
                    None => break,
                }
            }
            let mut body = vec![0; length];
            self.output.read_exact(&mut body).unwrap();
            let message = serde_json::from_slice(&body).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Processor time so far, of all its threads.
    fn processor(&self) -> Option<Duration> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let nanoseconds = threads.flatten().filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Some(Duration::from_nanos(nanoseconds.sum()))
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let file = arguments.first().map_or("models/cluenet_base.clue", String::as_str);
    let keystrokes: usize = arguments.get(1).map_or(200, |n| n.parse().unwrap());
    let path = std::path::absolute(file).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let uri = format!("file://{}", path.display());

    let mut server = Server::start();
    server.request("initialize", json!({ "capabilities": {} }));
    server.notify("initialized", json!({}));
    server.notify(
        "textDocument/didOpen",
        json!({ "textDocument": { "uri": uri, "languageId": "clue", "version": 0, "text": text } }),
    );
    let published = |message: &Value| message["method"] == "textDocument/publishDiagnostics";
    server.until(published);

    // A width is typed, digit by digit, and taken back, digit by digit.
    let line = text.lines().position(|line| line.trim_start().starts_with("width")).unwrap();
    let start = text.lines().nth(line).unwrap().trim_end().len();
    let mut column = start;
    let mut times: Vec<(&str, Vec<Duration>)> = Vec::new();
    let mut note = |name, time| match times.iter_mut().find(|(known, _)| *known == name) {
        Some((_, all)) => all.push(time),
        None => times.push((name, vec![time])),
    };
    let before = server.processor();
    for stroke in 0..keystrokes {
        let (range, letter) = match stroke % 4 {
            0 | 1 => (column..column, "0"),
            _ => (column - 1..column, ""),
        };
        let began = Instant::now();
        server.notify(
            "textDocument/didChange",
            json!({
                "textDocument": { "uri": uri, "version": stroke + 1 },
                "contentChanges": [{
                    "range": {
                        "start": { "line": line, "character": range.start },
                        "end": { "line": line, "character": range.end },
                    },
                    "text": letter,
                }],
            }),
        );
        server.until(published);
        note("change to diagnostics", began.elapsed());
        column = range.start + letter.len();
        let place = |character: usize| json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
        let began = Instant::now();
        server.request("textDocument/hover", place(6));
        note("hover", began.elapsed());
        let began = Instant::now();
        server.request("textDocument/completion", place(4));
        note("completion", began.elapsed());
    }
    println!("{file}, {keystrokes} keystrokes");
    println!("{:<24}{:>10}{:>10}{:>10}", "wall, ms", "median", "95 %", "most");
    for (name, mut all) in times {
        all.sort();
        let at = |part: usize| all[(all.len() - 1) * part / 100].as_secs_f64() * 1e3;
        println!("{name:<24}{:>10.2}{:>10.2}{:>10.2}", at(50), at(95), at(100));
    }
    if let (Some(before), Some(after)) = (before, server.processor()) {
        let each = (after - before).as_secs_f64() * 1e3 / keystrokes as f64;
        println!("{:<24}{each:>10.2}", "processor, all three");
    }
    server.request("shutdown", Value::Null);
    server.notify("exit", Value::Null);
    server.child.wait().unwrap();
}
