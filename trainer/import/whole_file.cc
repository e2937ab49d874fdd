#include "trainer/import/whole_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/system_calls.h"

namespace adscore::trainer {

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat("can't read ", path, ": there is no such file"));
  }
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat("can't read ", path, ": it is no regular file"));
  }
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMostFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has ", size, " bytes, and ", kMostFileBytes, " are the most for a model"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(error ? 0 : size, '\0');
  if (!error && file) file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (error || !file) {
    return model::SystemError(errno != 0 ? errno : EIO, absl::StrCat("can't read ", path));
  }
  return bytes;
}

}  // namespace adscore::trainer
