#include "trainer/import/keras_file.h"

#include <zip.h>

#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/import/hdf5_file.h"
#include "trainer/import/whole_file.h"

namespace adscore::trainer {
namespace {

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

absl::StatusOr<std::string> ReadEntry(zip_t* archive, const char* name) {
  zip_stat_t stat;
  if (zip_stat(archive, name, 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0) {
    return Bad(absl::StrCat("the archive has no ", name, ": it was not made by model.save(\"….keras\")"));
  }
  if (stat.size > kMostFileBytes) return Bad(absl::StrCat(name, " is too large"));
  const std::unique_ptr<zip_file_t, CloseEntry> file(zip_fopen(archive, name, 0));
  std::string bytes;
  // Piece by piece, since what the archive says of the size need not be true.
  for (char piece[65536]; file != nullptr;) {
    const zip_int64_t size = zip_fread(file.get(), piece, sizeof(piece));
    if (size < 0 || bytes.size() > stat.size) break;
    if (size == 0 && bytes.size() == stat.size) return bytes;
    if (size == 0) break;
    bytes.append(piece, static_cast<size_t>(size));
  }
  return Bad(absl::StrCat(name, " is damaged in the archive"));
}

// Keras names the groups of an archive by the layers' classes: Dense, LeakyReLU → "dense", "leaky_re_lu".
std::string SnakeCase(const std::string& name) {
  std::string snake;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto upper = [&](size_t at) { return std::isupper(static_cast<unsigned char>(name[at])) != 0; };
    const bool word = i > 0 && upper(i) && (!upper(i - 1) || (i + 1 < name.size() && !upper(i + 1)));
    if (word) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
  }
  return snake;
}

// Layer name → group of its weights, for archives whose groups do not say it: the second Dense is dense_1.
std::map<std::string, std::string> GroupsByClass(const std::string& config) {
  using Json = nlohmann::json;
  std::map<std::string, std::string> groups;
  std::map<std::string, size_t> used;
  const Json json = Json::parse(config, nullptr, /*allow_exceptions=*/false);
  try {  // the JSON library reports a wrong shape by throwing; the importer will say what is wrong with it
    for (const Json& layer : json.at("config").at("layers")) {
      const std::string snake = SnakeCase(layer.at("class_name").get<std::string>());
      const size_t before = used[snake]++;
      groups[layer.at("config").at("name").get<std::string>()] =
          before == 0 ? snake : absl::StrCat(snake, "_", before);
    }
  } catch (const Json::exception&) {
    groups.clear();
  }
  return groups;
}

absl::Status ReadArrays(const Hdf5File& file, const std::vector<std::string>& paths,
                        std::vector<Array>* arrays) {
  for (const std::string& path : paths) {
    absl::StatusOr<Array> array = file.Floats(path);
    if (!array.ok()) return array.status();
    arrays->push_back(*std::move(array));
  }
  return absl::OkStatus();
}

absl::StatusOr<KerasFile> OpenArchive(const std::string& path) {
  int error = 0;
  const std::unique_ptr<zip_t, CloseArchive> archive(zip_open(path.c_str(), ZIP_RDONLY, &error));
  if (archive == nullptr) return Bad("it is no zip archive, or a damaged one");
  absl::StatusOr<std::string> config = ReadEntry(archive.get(), "config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<std::string> weights = ReadEntry(archive.get(), "model.weights.h5");
  if (!weights.ok()) return weights.status();
  const absl::StatusOr<std::unique_ptr<Hdf5File>> file = Hdf5File::Open(*std::move(weights));
  if (!file.ok()) return file.status();

  KerasFile keras;
  keras.config = *std::move(config);
  const std::map<std::string, std::string> by_class = GroupsByClass(keras.config);
  const std::string root = (*file)->HasGroup("/layers") ? "/layers" : "/_layer_checkpoint_dependencies";
  const absl::StatusOr<std::vector<std::string>> groups = (*file)->Names(root);
  if (!groups.ok()) return groups.status();
  for (const std::string& group : *groups) {
    const std::string variables = absl::StrCat(root, "/", group, "/vars");
    if (!(*file)->HasGroup(variables)) continue;
    const absl::StatusOr<std::vector<std::string>> names = (*file)->Names(variables);
    if (!names.ok()) return names.status();
    if (names->empty()) continue;
    std::string layer;
    if ((*file)->HasAttribute(variables, "name")) {
      const absl::StatusOr<std::vector<std::string>> said = (*file)->Texts(variables, "name");
      if (!said.ok()) return said.status();
      if (!said->empty()) layer = said->front();
    }
    for (const auto& [name, of_class] : by_class) {
      if (layer.empty() && of_class == group) layer = name;
    }
    std::vector<std::string> paths;  // in the order of numbers: 0, 1, …, 10
    for (size_t i = 0; i < names->size(); ++i) paths.push_back(absl::StrCat(variables, "/", i));
    absl::Status status = ReadArrays(**file, paths, &keras.weights[layer]);
    if (!status.ok()) return status;
  }
  return keras;
}

absl::StatusOr<KerasFile> OpenHdf5(std::string bytes) {
  const absl::StatusOr<std::unique_ptr<Hdf5File>> file = Hdf5File::Open(std::move(bytes));
  if (!file.ok()) return file.status();
  if (!(*file)->HasAttribute("/", "model_config") || !(*file)->HasGroup("/model_weights")) {
    return Bad("it has no model in it, only weights: save the whole model, by model.save(\"….h5\")");
  }
  KerasFile keras;
  absl::StatusOr<std::vector<std::string>> config = (*file)->Texts("/", "model_config");
  if (!config.ok()) return config.status();
  if (config->empty()) return Bad("its model_config is empty");
  keras.config = config->front();
  const absl::StatusOr<std::vector<std::string>> layers = (*file)->Names("/model_weights");
  if (!layers.ok()) return layers.status();
  for (const std::string& layer : *layers) {
    const std::string group = absl::StrCat("/model_weights/", layer);
    if (!(*file)->HasAttribute(group, "weight_names")) continue;
    const absl::StatusOr<std::vector<std::string>> names = (*file)->Texts(group, "weight_names");
    if (!names.ok()) return names.status();
    std::vector<std::string> paths;
    for (const std::string& name : *names) paths.push_back(absl::StrCat(group, "/", name));
    if (paths.empty()) continue;
    absl::Status status = ReadArrays(**file, paths, &keras.weights[layer]);
    if (!status.ok()) return status;
  }
  return keras;
}

}  // namespace

absl::StatusOr<KerasFile> OpenKerasFile(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadWholeFile(path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<KerasFile> keras =
      Bad("it is neither a .keras archive nor an .h5 file: save the model by model.save(\"….keras\") or "
          "model.save(\"….h5\")");
  if (bytes->starts_with("PK")) {
    keras = OpenArchive(path);
  } else if (bytes->starts_with("\x89HDF\r\n")) {
    keras = OpenHdf5(*std::move(bytes));
  }
  if (keras.ok()) return keras;
  return absl::Status(keras.status().code(), absl::StrCat(path, ": ", keras.status().message()));
}

}  // namespace adscore::trainer
