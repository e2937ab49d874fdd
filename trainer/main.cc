// adscore-trainer: data in, snapshot out.
#include "trainer/cli.h"

int main(int argc, char** argv) { return adscore::trainer::RunTrainer(argc, argv); }
