// What the importer of Keras models needs of the HDF5 library: groups, attributes and arrays of floats, read
// from memory. Nothing is followed out of the file: external links and arrays stored elsewhere are refused.
//
// Not thread-safe: the library keeps its state in the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/import/array.h"

namespace adscore::trainer {

class Hdf5File {
 public:
  // `bytes` are a whole file. InvalidArgument if they are none. All errors below are InvalidArgument too, and
  // name the path within the file.
  static absl::StatusOr<std::unique_ptr<Hdf5File>> Open(std::string bytes);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  // Paths are "/a/b"; "/" is the whole. False if any part of the path is missing.
  bool HasGroup(const std::string& path) const;
  bool HasAttribute(const std::string& path, const std::string& name) const;
  // The names in a group, in order of the alphabet.
  absl::StatusOr<std::vector<std::string>> Names(const std::string& group) const;
  // A text, or a list of them.
  absl::StatusOr<std::vector<std::string>> Texts(const std::string& path, const std::string& name) const;
  // Numbers of any type, as floats.
  absl::StatusOr<Array> Floats(const std::string& path) const;

 private:
  Hdf5File() = default;
  // OK if every link on the way is a hard one.
  absl::Status CheckPath(const std::string& path) const;

  std::string bytes_;
  int64_t file_ = -1;  // hid_t
};

}  // namespace adscore::trainer
