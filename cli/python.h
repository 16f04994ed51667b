// The Python that runs what a program leaves to Python. A free function without state.
#pragma once

#include <string>

namespace bascule::cli {

/// The environment's BASCULE_PYTHON, which bascule-engine sets to the Python that it was built with
/// where that is there; else python3 beside this program, where pip puts it; else "python3", for
/// PATH to find.
std::string find_python();

/// Lets a Python that is started from now on find the package that lies in python/ beside this
/// program, as in a build folder, where there is one.
void offer_package();

}  // namespace bascule::cli
