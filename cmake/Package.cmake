# The libraries that are installed, with their CMake package and pkg-config file.
