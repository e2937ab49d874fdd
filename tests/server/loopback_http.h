// The smallest HTTP client that a test needs.
//
// Thread-safe: a function.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace adscore::server {

// The whole answer of 127.0.0.1:`port` to `request`, headers first; empty if nothing answers.
inline std::string HttpSend(int port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      char buffer[4096];
      for (ssize_t n; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;)
        answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

// The same for a request without a body.
inline std::string HttpSend(int port, const std::string& method, const std::string& path) {
  return HttpSend(port, method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

inline std::string HttpGet(int port, const std::string& path) { return HttpSend(port, "GET", path); }

inline std::string HttpPost(int port, const std::string& path, const std::string& body) {
  return HttpSend(port, "POST " + path +
                            " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body);
}

// Waits, 20 s at most, until /metrics contains `text`: a caller may have its answer before it is counted.
inline bool AwaitMetric(int port, const std::string& text) {
  for (int i = 0; i < 4000; ++i) {
    if (HttpGet(port, "/metrics").find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace adscore::server
