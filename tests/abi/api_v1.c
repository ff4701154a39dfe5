/* The embedding API as C sees it. Compiling it is the test. */
#include "api_v1.h"
