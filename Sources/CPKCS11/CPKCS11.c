#include "CPKCS11.h"

#include <dlfcn.h>
#include <stddef.h>

typedef CK_RV (*GetFunctionList)(CK_FUNCTION_LIST **list);

const CK_FUNCTION_LIST *wattest_pkcs11_load(const char *path, const char **error) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        *error = dlerror();
        return NULL;
    }
    GetFunctionList get = (GetFunctionList)dlsym(library, "C_GetFunctionList");
    if (get == NULL) {
        *error = "it has no C_GetFunctionList: it is no PKCS #11 module";
        return NULL;
    }
    CK_FUNCTION_LIST *list = NULL;
    if (get(&list) != WATTEST_CKR_OK || list == NULL) {
        *error = "C_GetFunctionList failed";
        return NULL;
    }
    return list;
}
