// Starts `cluec lsp` for .clue files; everything else is the server's.

const { workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

exports.activate = function () {
  const command = workspace.getConfiguration("clue").get("server", "cluec");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  const documents = { documentSelector: [{ language: "clue" }] };
  client = new LanguageClient("clue", "Clue", server, documents);
  return client.start();
};

exports.deactivate = function () {
  return client?.stop();
};
