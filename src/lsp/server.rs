//! The conversation with an editor: what it may ask when, and what it is told unasked.

use super::capabilities::capabilities;
use super::documents::{Document, Documents, path_of};
use super::homes::home;
use super::position::Encoding;
use super::reading::Reading;
use super::reports::Shaper;
use super::requests::reply;
use super::transport::{Incoming, write};
use gen_lsp_types::json_rpc::{Error, Id, RequestObject, ResponseObject};
use gen_lsp_types::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Result, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// How far the conversation is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The editor has not introduced itself.
    #[default]
    Strange,
    Working,
    /// It only has to leave.
    Closing,
}

/// All that is known of an editor and its texts.
#[derive(Debug, Default)]
pub struct Server {
    phase: Phase,
    pub(super) encoding: Encoding,
    /// The editor tells of files that change on disk if it is asked to.
    watches: bool,
    /// The folders of the workspace.
    pub(super) folders: Vec<PathBuf>,
    pub(super) documents: Documents,
    /// Of every open text.
    pub(super) readings: BTreeMap<PathBuf, Reading>,
    /// Open texts whose reading is older than they, or than a file they use.
    stale: BTreeSet<PathBuf>,
    /// Texts whose reports have to be shown even if they are the same.
    touched: BTreeSet<PathBuf>,
    /// The reports an editor shows.
    shown: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

/// A result, or why there is none.
pub type Answer<T> = std::result::Result<T, Error>;

pub fn error(code: ErrorCodes, message: impl Into<String>) -> Error {
    Error { code, message: message.into(), data: None }
}

impl Server {
    /// Handles a message and writes the answer, if one is due; at the end of the conversation,
    /// whether the editor had announced it.
    pub fn take(&mut self, incoming: Incoming, out: &mut dyn Write) -> Result<Option<bool>> {
        let refuse = |out: &mut dyn Write, code, message| {
            write(out, &ResponseObject::from_error(Id::Null, error(code, message))).map(|()| None)
        };
        let message = match incoming {
            Incoming::Message(message) => message,
            Incoming::NoJson(why) => return refuse(out, ErrorCodes::ParseError, why),
            Incoming::NoMessage(why) => return refuse(out, ErrorCodes::InvalidRequest, why),
        };
        let (method, id, params) = message.into_parts();
        // Without a method it is an answer to what we asked, and nothing depends on one.
        if method.is_empty() {
            return Ok(None);
        }
        let params = params.unwrap_or(Value::Null);
        let Some(id) = id else {
            if method == "exit" {
                return Ok(Some(self.phase == Phase::Closing));
            }
            self.hear(&method, params, out)?;
            return Ok(None);
        };
        // A mistake of ours costs one answer, not the session.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&method, params)));
        let answer = answer.unwrap_or_else(|_| {
            Err(error(
                ErrorCodes::InternalError,
                format!("{method} failed; this is a mistake of cluec"),
            ))
        });
        let response = match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!(ResponseObject::from_error(id, error)),
        };
        write(out, &response)?;
        Ok(None)
    }

    fn answer(&mut self, method: &str, params: Value) -> Answer<Value> {
        use LspRequestMethod as Method;
        let method = Method::from(method);
        match (self.phase, method) {
            (Phase::Strange, Method::Initialize) => {
                return reply::<InitializeRequest>(params, |params| Ok(self.initialize(&params)));
            }
            (Phase::Strange, _) => {
                return Err(error(ErrorCodes::ServerNotInitialized, "`initialize` comes first"));
            }
            (_, Method::Initialize) => {
                return Err(error(ErrorCodes::InvalidRequest, "`initialize` came already"));
            }
            (Phase::Closing, _) => {
                return Err(error(ErrorCodes::InvalidRequest, "only `exit` follows `shutdown`"));
            }
            (Phase::Working, _) => {}
        }
        self.read();
        match method {
            Method::Shutdown => {
                self.phase = Phase::Closing;
                Ok(Value::Null)
            }
            method => self.tell(method, params),
        }
    }

    fn initialize(&mut self, params: &InitializeParams) -> InitializeResult {
        self.phase = Phase::Working;
        let general = params.capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_ref());
        if offered.is_some_and(|offered| offered.contains(&PositionEncodingKind::UTF8)) {
            self.encoding = Encoding::Utf8;
        }
        let workspace = params.capabilities.workspace.as_ref();
        let files = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        self.watches = files.is_some_and(|files| files.dynamic_registration == Some(true));
        let workspace = &params.workspace_folders_initialize_params.workspace_folders;
        if let Some(WorkspaceFolders::WorkspaceFolderList(folders)) = workspace {
            self.folders = folders.iter().map(|folder| path_of(&folder.uri)).collect();
        }
        InitializeResult {
            capabilities: capabilities(self.encoding),
            server_info: Some(ServerInfo {
                name: "cluec".to_string(),
                version: Some(env!("CARGO_PKG_VERSION").to_string()),
            }),
        }
    }

    /// Handles a notification. Those that are not understood are passed over, as the protocol wants.
    fn hear(&mut self, method: &str, params: Value, out: &mut dyn Write) -> Result<()> {
        use LspNotificationMethod as Method;
        if self.phase != Phase::Working {
            return Ok(());
        }
        match Method::from(method) {
            Method::Initialized if self.watches => return watch(out),
            Method::TextDocumentDidOpen => {
                if let Some(DidOpenTextDocumentParams { text_document: opened }) = parsed(params) {
                    let TextDocumentItem { uri, version, text, .. } = opened;
                    let path = path_of(&uri);
                    self.documents.open(path.clone(), Document { uri, version, text });
                    self.changed(&path);
                }
            }
            Method::TextDocumentDidChange => {
                if let Some(DidChangeTextDocumentParams { text_document, content_changes }) =
                    parsed(params)
                {
                    let path = path_of(&text_document.text_document_identifier.uri);
                    if let Some(document) = self.documents.get_mut(&path) {
                        document.change(text_document.version, content_changes, self.encoding);
                        self.changed(&path);
                    }
                }
            }
            Method::TextDocumentDidClose => {
                if let Some(DidCloseTextDocumentParams { text_document }) = parsed(params) {
                    let path = path_of(&text_document.uri);
                    self.documents.close(&path);
                    self.readings.remove(&path);
                    self.changed(&path);
                }
            }
            Method::WorkspaceDidChangeWatchedFiles => {
                if let Some(DidChangeWatchedFilesParams { changes }) = parsed(params) {
                    changes.iter().for_each(|change| self.changed(&path_of(&change.uri)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Another text stands at `path` than before.
    fn changed(&mut self, path: &Path) {
        self.touched.insert(path.to_path_buf());
        for open in self.documents.paths() {
            let reading = self.readings.get(open);
            if open == path || reading.is_none_or(|reading| reading.depends_on(path)) {
                self.stale.insert(open.to_path_buf());
            }
        }
    }

    /// Checks every text that changed.
    fn read(&mut self) {
        for path in std::mem::take(&mut self.stale) {
            // Half a reading is better than an old one.
            let read = || Reading::of(&self.documents, &path);
            let reading = catch_unwind(AssertUnwindSafe(read)).unwrap_or_default();
            if self.documents.get(&path).is_some() {
                self.readings.insert(path, reading);
            }
        }
    }

    /// Shows the reports of every text that has others than before.
    pub fn show_reports(&mut self, out: &mut dyn Write) -> Result<()> {
        if self.stale.is_empty() && self.touched.is_empty() {
            return Ok(());
        }
        self.read();
        let mut reports = self.reports();
        let touched = std::mem::take(&mut self.touched);
        // Those that were wrong, and are not any more.
        for path in self.shown.keys().chain(&touched) {
            reports.entry(path.clone()).or_default();
        }
        for (path, diagnostics) in reports {
            if self.shown.get(&path) == Some(&diagnostics) && !touched.contains(&path) {
                continue;
            }
            let params = PublishDiagnosticsParams {
                uri: self.documents.uri(&path),
                version: self.documents.get(&path).map(|document| document.version),
                diagnostics: diagnostics.clone(),
            };
            write(
                out,
                &RequestObject::from_notification::<PublishDiagnosticsNotification>(params),
            )?;
            match diagnostics.is_empty() {
                true => self.shown.remove(&path),
                false => self.shown.insert(path, diagnostics),
            };
        }
        Ok(())
    }

    /// What is wrong with every text: of an open one what its own reading says, then what those that
    /// use it add.
    fn reports(&self) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
        let mut reports: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for own in [true, false] {
            for (open, reading) in &self.readings {
                let uris = |id| self.documents.uri(&reading.path(id));
                let mut shaper = Shaper::new(&reading.sources, &uris, self.encoding);
                let mut added: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
                for diagnostic in &reading.study.diags.0 {
                    let path = reading.path(home(diagnostic));
                    if (path == *open) != own {
                        continue;
                    }
                    let shaped = shaper.shape(diagnostic);
                    let same = |d: &Diagnostic| d.code == shaped.code && d.range == shaped.range;
                    // Another reading may tell the same in other words, this one may not.
                    let known = reports.get(&path).is_some_and(|known| known.iter().any(same));
                    let added = added.entry(path).or_default();
                    if !known && !added.iter().any(|d| same(d) && d.message == shaped.message) {
                        added.push(shaped);
                    }
                }
                for (path, added) in added {
                    reports.entry(path).or_default().extend(added);
                }
            }
        }
        reports
    }
}

fn parsed<P: serde::de::DeserializeOwned>(params: Value) -> Option<P> {
    serde_json::from_value(params).ok()
}

/// Asks to be told of files that change on disk.
fn watch(out: &mut dyn Write) -> Result<()> {
    let options = json!({ "watchers": [{ "globPattern": "**/*.clue" }] });
    let registration = Registration {
        id: "files".to_string(),
        method: "workspace/didChangeWatchedFiles".to_string(),
        register_options: Some(options),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let id = Id::String("files".to_string());
    write(out, &RequestObject::from_request::<RegistrationRequest>(id, params))
}
