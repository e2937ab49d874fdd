#include "server/config/logging.h"

#include <memory>
#include <string_view>
#include <utility>

#include "cli/output.h"
#include "nlohmann/json.hpp"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace adscore::server {
namespace {

// %*: the message as a part of one line.
class MessageFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit MessageFlag(bool as_json) : as_json_(as_json) {}

  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string written =
        as_json_ ? nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                 : cli::OneLine(text);
    out.append(written.data(), written.data() + written.size());
  }

  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<MessageFlag>(as_json_);
  }

 private:
  const bool as_json_;
};

}  // namespace

void SetUpLog(const LogSettings& settings) {
  const bool as_json = settings.format == "json";
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<MessageFlag>('*', as_json)
      .set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})"
                           : "%Y-%m-%dT%H:%M:%S.%e%z %l %*");
  auto logger =
      std::make_shared<spdlog::logger>("adscore-server", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
  SetLogLevel(settings.level);
}

void SetLogLevel(const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); }

}  // namespace adscore::server
