// The command line of adscore-trainer.
//
// Not thread-safe: writes to standard output and standard error.
#pragma once

namespace adscore::trainer {

// Parses the arguments and runs the command that they name. Returns the exit code: 0 done, 1 failed (one line
// on standard error says why), 2 bad usage.
int RunTrainer(int argc, const char* const* argv);

}  // namespace adscore::trainer
