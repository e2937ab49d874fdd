#include "server/config/flag_set.h"

#include <set>

namespace adscore::server {

void FlagSet::Add(const std::string& name, const std::string& type, const std::string& default_text,
                  const cli::FlagCheck& check, const std::function<void(const std::string&)>& set,
                  const std::string& help) {
  values_[name] = default_text;
  CLI::Option* option = app_->add_option_function<std::string>(
      name,
      [this, name, check, set](const std::string& text) {
        given_[name] = values_[name] = text;
        const std::string problem = check ? check(text) : std::string();
        if (problem.empty()) {
          set(text);
        } else {
          problems_.push_back(absl::StrCat(name, ": ", problem));
        }
      },
      help);
  option->type_name(type);
  if (!default_text.empty()) option->default_str(default_text);
}

void FlagSet::Switch(const std::string& name, bool* value, const std::string& help) {
  values_[name] = "false";
  app_->add_flag_function(
      name,
      [this, name, value](int64_t count) {
        *value = count > 0;
        given_[name] = values_[name] = *value ? "true" : "false";
      },
      help);
}

void FlagSet::ReadFile(const std::string& path) {
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_file(path);
  } catch (const CLI::Error& error) {
    problems_.push_back(absl::StrCat("--config: ", path, ": ", error.what()));
    return;
  }
  std::set<std::string> seen;
  for (const CLI::ConfigItem& item : items) {
    if (!item.parents.empty() || item.name == "++" || item.name == "--") {
      if (seen.insert("[" + item.fullname()).second && item.name != "--") {
        problems_.push_back(absl::StrCat("--config: ", path, ": ", cli::Quoted(item.fullname()),
                                         ": settings have no [sections], and no dots in their names"));
      }
    } else if (!seen.insert(item.name).second || item.inputs.size() > 1) {
      problems_.push_back(absl::StrCat("--config: ", path, ": ", item.name, " is given more than once"));
    } else {
      ReadItem(path, item);
    }
  }
}

void FlagSet::ReadItem(const std::string& path, const CLI::ConfigItem& item) {
  CLI::Option* option = app_->get_option_no_throw("--" + item.name);
  if (option == nullptr) {
    problems_.push_back(absl::StrCat("--config: ", path, ": ", cli::Quoted(item.name),
                                     " is no setting; they have the names of the flags, without the dashes"));
    return;
  }
  if (item.name == "config" || item.name == "check" || item.name == "help" || item.name == "version") {
    problems_.push_back(absl::StrCat("--config: ", path, ": ", item.name, " is for the command line only"));
    return;
  }
  if (!option->empty()) return;  // the command line goes first
  const std::string value = item.inputs.empty() ? std::string() : item.inputs[0];
  const bool is_switch = option->get_expected_max() == 0;
  if (is_switch && value != "true" && value != "false") {
    problems_.push_back(
        absl::StrCat("--config: ", path, ": ", item.name, ": ", cli::Quoted(value), " is not true or false"));
    return;
  }
  option->add_result(value);
  option->run_callback();
}

void FlagSet::RefuseTheRest() {
  for (const std::string& argument : app_->remaining()) {
    problems_.push_back(absl::StrCat(cli::Quoted(argument), " is no flag of this program"));
  }
}

}  // namespace adscore::server
