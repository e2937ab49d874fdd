#include "trainer/import/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "trainer/import/dense_graph.h"

namespace adscore::trainer {
namespace {

static_assert(sizeof(hid_t) == sizeof(int64_t));

constexpr size_t kMostTextBytes = size_t{64} << 20;

absl::Status Bad(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("HDF5 ", path, ": ", what));
}

// One of the library's numbers for something open, and what closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// Elements of a data space; nothing if there are more than kMostWeights.
std::optional<size_t> Elements(hid_t space, std::vector<size_t>* shape) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > 8) return std::nullopt;
  std::vector<hsize_t> dims(static_cast<size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space, dims.data(), nullptr) < 0) return std::nullopt;
  size_t count = 1;
  for (const hsize_t dim : dims) {
    const std::optional<size_t> more = WeightCount(count, dim);
    if (!more) return std::nullopt;
    count = *more;
    shape->push_back(dim);
  }
  return count;
}

// The library reads names of variable length into memory of its own.
absl::StatusOr<std::vector<std::string>> VariableTexts(hid_t attribute, hid_t space, size_t count,
                                                       const std::string& path) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  const Handle stored(H5Aget_type(attribute), H5Tclose);
  H5Tset_cset(type.get(), H5Tget_cset(stored.get()));
  std::vector<char*> texts(count, nullptr);
  if (H5Aread(attribute, type.get(), texts.data()) < 0) return Bad(path, "can't be read");
  std::vector<std::string> copied;
  for (const char* text : texts) copied.emplace_back(text == nullptr ? "" : text);
  H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, texts.data());
  return copied;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Hdf5File>> Hdf5File::Open(std::string bytes) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // it would print what we say better
  H5PLset_loading_state(0);                     // and load code that a file names
  std::unique_ptr<Hdf5File> file(new Hdf5File);
  file->bytes_ = std::move(bytes);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  if (H5Pset_fapl_core(access.get(), size_t{1} << 20, false) < 0 ||
      H5Pset_file_image(access.get(), file->bytes_.data(), file->bytes_.size()) < 0) {
    return absl::InternalError("the HDF5 library takes no file from memory");
  }
  file->file_ = H5Fopen("model.h5", H5F_ACC_RDONLY, access.get());  // no such file is looked for
  if (file->file_ < 0) return absl::InvalidArgumentError("it is no HDF5 file, or a damaged one");
  return file;
}

Hdf5File::~Hdf5File() {
  if (file_ >= 0) H5Fclose(file_);
}

absl::Status Hdf5File::CheckPath(const std::string& path) const {
  for (size_t end = path.find('/', 1); path.size() > 1; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    H5L_info_t link;
    if (H5Lexists(file_, part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(file_, part.c_str(), &link, H5P_DEFAULT) < 0) {
      return Bad(part, "is not there");
    }
    if (link.type != H5L_TYPE_HARD) return Bad(part, "is a link to elsewhere, which is not followed");
    if (end == std::string::npos) break;
  }
  return absl::OkStatus();
}

bool Hdf5File::HasGroup(const std::string& path) const {
  if (!CheckPath(path).ok()) return false;
  const Handle group(H5Gopen2(file_, path.c_str(), H5P_DEFAULT), H5Gclose);
  return group.ok();
}

bool Hdf5File::HasAttribute(const std::string& path, const std::string& name) const {
  return CheckPath(path).ok() && H5Aexists_by_name(file_, path.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

absl::StatusOr<std::vector<std::string>> Hdf5File::Names(const std::string& path) const {
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  const Handle group(H5Gopen2(file_, path.c_str(), H5P_DEFAULT), H5Gclose);
  H5G_info_t info;
  if (!group.ok() || H5Gget_info(group.get(), &info) < 0) return Bad(path, "is no group");
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    char name[256];
    const ssize_t size =
        H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof(name), H5P_DEFAULT);
    if (size < 0 || static_cast<size_t>(size) >= sizeof(name))
      return Bad(path, "has a name that can't be read");
    names.emplace_back(name, static_cast<size_t>(size));
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> Hdf5File::Texts(const std::string& path,
                                                         const std::string& name) const {
  const std::string where = absl::StrCat(path, " attribute ", name);
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  const Handle attribute(H5Aopen_by_name(file_, path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  if (!attribute.ok()) return Bad(where, "is not there");
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  std::vector<size_t> shape;
  const std::optional<size_t> count = Elements(space.get(), &shape);
  if (!count || *count > kMostTextBytes / sizeof(char*)) return Bad(where, "has an unlikely shape");
  if (*count == 0) return std::vector<std::string>();  // of any type: h5py writes no texts as floats
  if (H5Tget_class(type.get()) != H5T_STRING) return Bad(where, "is no text");
  if (H5Tis_variable_str(type.get()) > 0) return VariableTexts(attribute.get(), space.get(), *count, where);
  const size_t size = H5Tget_size(type.get());
  if (size == 0 || size > kMostTextBytes / *count) return Bad(where, "is too long");
  std::string texts(size * *count, '\0');
  if (H5Aread(attribute.get(), type.get(), texts.data()) < 0) return Bad(where, "can't be read");
  std::vector<std::string> split;
  for (size_t i = 0; i < *count; ++i) {
    const std::string text = texts.substr(i * size, size);
    split.push_back(text.substr(0, text.find('\0')));
  }
  return split;
}

absl::StatusOr<Array> Hdf5File::Floats(const std::string& path) const {
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  const Handle set(H5Dopen2(file_, path.c_str(), H5P_DEFAULT), H5Dclose);
  if (!set.ok()) return Bad(path, "is no array");
  const Handle type(H5Dget_type(set.get()), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) return Bad(path, "has no numbers");
  const Handle created(H5Dget_create_plist(set.get()), H5Pclose);
  if (H5Pget_external_count(created.get()) != 0 || H5Pget_layout(created.get()) == H5D_VIRTUAL) {
    return Bad(path, "is stored in another file, which is not followed");
  }
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  Array array;
  const std::optional<size_t> count = Elements(space.get(), &array.shape);
  // Compressed, zeros take next to no bytes: but no more than a thousandth, or it is no array of weights.
  if (!count || *count / 1024 > bytes_.size()) return Bad(path, "is larger than its file can hold");
  array.values.resize(*count);
  if (*count > 0 &&
      H5Dread(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) < 0) {
    return Bad(path, "can't be read: damaged, or compressed in a way that is not supported");
  }
  return array;
}

}  // namespace adscore::trainer
