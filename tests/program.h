// A run of one of our programs. Standard output comes through a pipe, line by line or whole; standard error
// goes to a file, so that a program that says much never waits for its reader.
//
// Not thread-safe.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace adscore::testing {

class Program {
 public:
  // `command`: the program's path, then its arguments. `errors`: a file for its standard error.
  Program(std::vector<std::string> command, std::string errors) : errors_path_(std::move(errors)) {
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      const int err = open(errors_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      dup2(err, STDERR_FILENO);
      std::vector<char*> argv;
      for (std::string& argument : command) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    out_ = out[0];
  }
  ~Program() {
    if (!waited_) {
      kill(pid_, SIGKILL);
      Wait();
    }
    close(out_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of standard output; empty at its end.
  std::string ReadLine() {
    std::string line;
    for (char c = 0; read(out_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  void Signal(int signal) const { kill(pid_, signal); }

  // Its exit code, or minus the signal that ended it. Fills in output().
  int Wait() {
    char buffer[65536];
    for (ssize_t n; (n = read(out_, buffer, sizeof(buffer))) > 0;)
      output_.append(buffer, static_cast<size_t>(n));
    int status = 0;
    waitpid(pid_, &status, 0);
    waited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  // What ReadLine has not taken of standard output, once Wait has returned.
  const std::string& output() const { return output_; }

  // Standard error so far.
  std::string errors() const {
    std::ifstream file(errors_path_);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

 private:
  std::string errors_path_;
  pid_t pid_ = 0;
  int out_ = -1;
  bool waited_ = false;
  std::string output_;
};

}  // namespace adscore::testing
