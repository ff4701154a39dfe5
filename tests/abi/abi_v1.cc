/* The ABI as C++ sees it. Compiling it is the test. */
#include "abi_v1.h"
