#include "trainer/commands/model_flags.h"

#include "cli/flag_checks.h"
#include "model/model_root.h"

namespace adscore::trainer {
namespace {

void AddModelFlags(CLI::App* command, const char* root_help, std::string* model_root, std::string* model) {
  command->add_option("--model-root", *model_root, root_help)->required()->type_name("DIR");
  command->add_option("--model", *model, "The model's name")
      ->required()
      ->type_name("NAME")
      ->check(cli::CheckedBy(&model::CheckModelName));
}

}  // namespace

void AddNewVersionFlags(CLI::App* command, std::string* model_root, std::string* model) {
  AddModelFlags(command,
                "Directory of models, made if it is not there: the version appears as ROOT/NAME/VERSION",
                model_root, model);
}

void AddVersionFlags(CLI::App* command, std::string* model_root, std::string* model, int64_t* version) {
  AddModelFlags(command, "Directory of models", model_root, model);
  command->add_option("--version", *version, "Which version; 0 is the highest")
      ->type_name("N")
      ->check(cli::WholeNumber(0, INT64_MAX))
      ->capture_default_str();
}

}  // namespace adscore::trainer
