// What the server is told: flags, and a file with the same names. Both are read as a whole, so that all that
// is wrong with them is said at once.
//
// Thread-safe: plain values and pure functions over the command line and the files that it names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/config/logging.h"
#include "server/server.h"

namespace adscore::server {

struct Settings {
  ServerOptions server;
  LogSettings log;
  bool allow_insecure = false;
  bool check = false;
  // What was given, flag ("--listen") → text, whether in the file or on the command line.
  std::map<std::string, std::string> given;
  // What is in force, flag → text, for each flag that there is: what was given, or else the default.
  std::map<std::string, std::string> values;
};

struct ReadSettings {
  Settings settings;
  // One line each: what can't be, and the way out. With any of them the settings must not be used.
  std::vector<std::string> problems;
  // What --help or --version asks to be printed, instead of settings.
  std::optional<std::string> text;
};

// Reads the command line and the file that --config names, and looks for contradictions; a flag on the
// command line goes before the file. Touches no other file.
ReadSettings ReadSettingsFrom(int argc, const char* const* argv);

// The flags that are not the same in both, by name. Both as ReadSettingsFrom returned them.
std::vector<std::string> ChangedFlags(const Settings& from, const Settings& to);

}  // namespace adscore::server
