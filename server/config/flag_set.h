// The flags of a program that says everything that is wrong with them at once: CLI11 stops at the first.
//
// Not thread-safe: used while the command line is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/flag_checks.h"

namespace adscore::server {

class FlagSet {
 public:
  // `app` must outlive the set. Options are `name` ("--listen") with a `type` that --help shows.
  explicit FlagSet(CLI::App* app) : app_(app) {}

  FlagSet(const FlagSet&) = delete;
  FlagSet& operator=(const FlagSet&) = delete;

  // `set` is given the texts that `check` has nothing against.
  void Add(const std::string& name, const std::string& type, const std::string& default_text,
           const cli::FlagCheck& check, const std::function<void(const std::string&)>& set,
           const std::string& help);

  void Text(const std::string& name, const std::string& type, std::string* value, const cli::FlagCheck& check,
            const std::string& help) {
    Add(
        name, type, *value, check, [value](const std::string& text) { *value = text; }, help);
  }

  // T: a number, or a duration in the unit of the flag. `check` lets nothing pass that T can't hold.
  template <typename T>
  void Number(const std::string& name, const std::string& type, T* value, const cli::FlagCheck& check,
              const std::string& help) {
    Add(
        name, type, Show(*value), check, [value](const std::string& text) { Parse(text, value); }, help);
  }

  // True or false; on the command line its name alone.
  void Switch(const std::string& name, bool* value, const std::string& help);

  // Reads `path`: lines of `name = value`, without the dashes, and # comments. What the command line gave
  // stays.
  void ReadFile(const std::string& path);

  // After the command line has been read: what it had beside the flags.
  void RefuseTheRest();

  const std::map<std::string, std::string>& given() const { return given_; }
  // What was given, and for the others their defaults.
  const std::map<std::string, std::string>& values() const { return values_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  template <typename T>
  static std::string Show(const T& value) {
    if constexpr (std::is_arithmetic_v<T>)
      return absl::StrCat(value);
    else
      return absl::StrCat(value.count());
  }
  template <typename T>
  static void Parse(const std::string& text, T* value) {
    if constexpr (std::is_floating_point_v<T>) {
      double number = 0;
      if (absl::SimpleAtod(text, &number)) *value = static_cast<T>(number);
    } else {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return;
      if constexpr (std::is_arithmetic_v<T>)
        *value = static_cast<T>(number);
      else
        *value = T(static_cast<typename T::rep>(number));
    }
  }
  void ReadItem(const std::string& path, const CLI::ConfigItem& item);

  CLI::App* const app_;
  std::map<std::string, std::string> given_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> problems_;
};

}  // namespace adscore::server
