// adscore-trainer: data in, snapshot out.
#include <csignal>

#include "trainer/cli.h"

int main(int argc, char** argv) {
  // Where the size of files is limited, a write that would go beyond fails, as it does on a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  return adscore::trainer::RunTrainer(argc, argv);
}
