// The program `perfmodel`.
#include "cli/application.hpp"

int main(int argc, char** argv) { return perfmodel::run_application(argc, argv); }
