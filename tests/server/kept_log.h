// The log of a test, for what it has to say.
//
// Thread-safe as the log is; to be made and unmade while no other thread logs.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "spdlog/sinks/base_sink.h"
#include "spdlog/spdlog.h"

namespace adscore::server {

// While it lives, what is logged is kept instead of written.
class KeptLog {
 public:
  KeptLog() { spdlog::set_default_logger(std::make_shared<spdlog::logger>("kept", sink_)); }
  ~KeptLog() { spdlog::set_default_logger(previous_); }

  int Count(const std::string& part) const {
    const std::string text = sink_->Text();
    int count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

 private:
  class Sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::string Text() {
      const std::lock_guard lock(mutex_);
      return text_;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      spdlog::memory_buf_t line;
      formatter_->format(message, line);
      text_.append(line.data(), line.size());
    }
    void flush_() override {}

    std::string text_;
  };

  const std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
  const std::shared_ptr<spdlog::logger> previous_ = spdlog::default_logger();
};

}  // namespace adscore::server
