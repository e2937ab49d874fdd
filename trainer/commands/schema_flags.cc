#include "trainer/commands/schema_flags.h"

#include "cli/flag_checks.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

data::Format SchemaFlags::Format() const { return data::ParseFormat(format).value(); }

std::vector<model::Label> SchemaFlags::Labels() const { return ParseLabels(label).value(); }

InferenceOptions SchemaFlags::Inference() const {
  InferenceOptions options;
  options.labels = Labels();
  options.ignore = ignore;
  options.context = context;
  for (const std::string& features : cross) options.crosses.push_back({model::CrossKind::kProduct, features});
  for (const std::string& features : match) options.crosses.push_back({model::CrossKind::kMatch, features});
  return options;
}

CLI::Option* AddFormatFlag(CLI::App* command, std::string* format) {
  return command
      ->add_option("--format", *format,
                   "How the file is laid out: csv (a header line; comma, semicolon, tab or pipe), criteo (no "
                   "header: label, I1-I13, C1-C26, tab separated) or auto (find out). Gzip is recognised")
      ->type_name("auto|csv|criteo")
      ->check(cli::CheckedBy(&data::ParseFormat))
      ->capture_default_str();
}

void AddSchemaFlags(CLI::App* command, SchemaFlags* flags) {
  command
      ->add_option(
          "--label", flags->label,
          "The columns to predict, one head each: click,conversion. Positive are 1, true, yes, y and t; "
          "click=won names another value")
      ->required()
      ->type_name("COL[=VALUE],...")
      ->check(cli::CheckedBy(&ParseLabels));
  AddFormatFlag(command, &flags->format);
  command
      ->add_option("--ignore", flags->ignore,
                   "Columns that are no features, because they are not known yet when an ad is scored, or "
                   "say the outcome")
      ->type_name("COL,...")
      ->delimiter(',');
  command
      ->add_option(
          "--context", flags->context,
          "Columns that are the same for all candidate ads of an impression (user, page, hour): a request "
          "sends them once. The others are sent per candidate")
      ->type_name("COL,...")
      ->delimiter(',');
  command
      ->add_option("--cross", flags->cross,
                   "Pairs of features whose combination says what neither says alone, such as site:category: "
                   "each pair of values\nis learnt like a value of a column of its own. Numbers take part by "
                   "their bins, each value of a list on its own. Found without this where two columns of "
                   "names clearly say "
                   "more together than apart")
      ->type_name("COL:COL,...")
      ->delimiter(',');
  command
      ->add_option("--match", flags->match,
                   "Pairs of features, names or lists, of which it is learnt whether they share a value: "
                   "interests:category. Found\nwithout this where a list and a column of names have the same "
                   "values")
      ->type_name("COL:COL,...")
      ->delimiter(',');
}

}  // namespace adscore::trainer
