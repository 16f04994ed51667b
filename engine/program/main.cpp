// bascule-engine: runs the verbs that need torch, with the command line of bascule.
#include "cli/run.h"
#include "program/verbs.h"

int main(int count, char** words) {
  return bascule::cli::run(
      {words + (count > 0 ? 1 : 0), words + count},
      {bascule::cli::train_verb(), bascule::cli::compare_verb(), bascule::cli::generate_verb()});
}
