// The part of PKCS #11 (OASIS, versions 2.40 and 3.0) that finds an Ed25519 key on a token and signs with it.
//
// Names and values are the standard's; whatever stands between them in its function list is a pointer of no type.
// Structures have the natural alignment of Unix modules.
#ifndef CPKCS11_H
#define CPKCS11_H

typedef unsigned char CK_BYTE;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV;

enum {
    WATTEST_CKR_OK = 0x0,
    WATTEST_CKR_GENERAL_ERROR = 0x5,
    WATTEST_CKR_ARGUMENTS_BAD = 0x7,
    WATTEST_CKR_CANT_LOCK = 0xA,
    WATTEST_CKR_DEVICE_ERROR = 0x30,
    WATTEST_CKR_DEVICE_REMOVED = 0x32,
    WATTEST_CKR_KEY_HANDLE_INVALID = 0x60,
    WATTEST_CKR_KEY_FUNCTION_NOT_PERMITTED = 0x68,
    WATTEST_CKR_MECHANISM_INVALID = 0x70,
    WATTEST_CKR_PIN_INCORRECT = 0xA0,
    WATTEST_CKR_PIN_INVALID = 0xA1,
    WATTEST_CKR_PIN_LEN_RANGE = 0xA2,
    WATTEST_CKR_PIN_EXPIRED = 0xA3,
    WATTEST_CKR_PIN_LOCKED = 0xA4,
    WATTEST_CKR_SESSION_CLOSED = 0xB0,
    WATTEST_CKR_SESSION_HANDLE_INVALID = 0xB3,
    WATTEST_CKR_TOKEN_NOT_PRESENT = 0xE0,
    WATTEST_CKR_USER_ALREADY_LOGGED_IN = 0x100,
    WATTEST_CKR_USER_NOT_LOGGED_IN = 0x101,
    WATTEST_CKR_USER_PIN_NOT_INITIALIZED = 0x102,
    WATTEST_CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191,
};

enum {
    WATTEST_CKA_CLASS = 0x0,
    WATTEST_CKA_LABEL = 0x3,
    WATTEST_CKA_KEY_TYPE = 0x100,
    WATTEST_CKA_ID = 0x102,
    WATTEST_CKA_EC_POINT = 0x181,
    WATTEST_CKO_PUBLIC_KEY = 0x2,
    WATTEST_CKO_PRIVATE_KEY = 0x3,
    WATTEST_CKK_EC_EDWARDS = 0x40,
    WATTEST_CKM_EDDSA = 0x1057,
    WATTEST_CKF_OS_LOCKING_OK = 0x2,
    WATTEST_CKF_SERIAL_SESSION = 0x4,
    WATTEST_CKF_TOKEN_INITIALIZED = 0x400,
    WATTEST_CKF_SIGN = 0x800,
    WATTEST_CKU_USER = 0x1,
};

typedef struct {
    CK_BYTE major;
    CK_BYTE minor;
} CK_VERSION;

typedef struct {
    CK_ULONG type;
    void *value;
    CK_ULONG length;
} CK_ATTRIBUTE;

typedef struct {
    CK_ULONG mechanism;
    void *parameter;
    CK_ULONG parameterLength;
} CK_MECHANISM;

typedef struct {
    CK_ULONG minKeySize;
    CK_ULONG maxKeySize;
    CK_ULONG flags;
} CK_MECHANISM_INFO;

typedef struct {
    CK_BYTE label[32];
    CK_BYTE manufacturerID[32];
    CK_BYTE model[16];
    CK_BYTE serialNumber[16];
    CK_ULONG flags;
    CK_ULONG sessionsAndMemory[10];
    CK_VERSION hardwareVersion;
    CK_VERSION firmwareVersion;
    CK_BYTE utcTime[16];
} CK_TOKEN_INFO;

typedef struct {
    void *createMutex;
    void *destroyMutex;
    void *lockMutex;
    void *unlockMutex;
    CK_ULONG flags;
    void *reserved;
} CK_C_INITIALIZE_ARGS;

// In the standard's order, up to the last function that is called here.
typedef struct {
    CK_VERSION version;
    CK_RV (*C_Initialize)(void *arguments);
    CK_RV (*C_Finalize)(void *reserved);
    void *C_GetInfo;
    void *C_GetFunctionList;
    CK_RV (*C_GetSlotList)(CK_BYTE tokenPresent, CK_ULONG *slots, CK_ULONG *count);
    void *C_GetSlotInfo;
    CK_RV (*C_GetTokenInfo)(CK_ULONG slot, CK_TOKEN_INFO *info);
    void *C_GetMechanismList;
    CK_RV (*C_GetMechanismInfo)(CK_ULONG slot, CK_ULONG mechanism, CK_MECHANISM_INFO *info);
    void *C_InitToken;
    void *C_InitPIN;
    void *C_SetPIN;
    CK_RV (*C_OpenSession)(CK_ULONG slot, CK_ULONG flags, void *application, void *notify, CK_ULONG *session);
    CK_RV (*C_CloseSession)(CK_ULONG session);
    void *C_CloseAllSessions;
    void *C_GetSessionInfo;
    void *C_GetOperationState;
    void *C_SetOperationState;
    CK_RV (*C_Login)(CK_ULONG session, CK_ULONG user, const CK_BYTE *pin, CK_ULONG length);
    void *C_Logout;
    void *C_CreateObject;
    void *C_CopyObject;
    void *C_DestroyObject;
    void *C_GetObjectSize;
    CK_RV (*C_GetAttributeValue)(CK_ULONG session, CK_ULONG object, CK_ATTRIBUTE *attributes, CK_ULONG count);
    void *C_SetAttributeValue;
    CK_RV (*C_FindObjectsInit)(CK_ULONG session, CK_ATTRIBUTE *attributes, CK_ULONG count);
    CK_RV (*C_FindObjects)(CK_ULONG session, CK_ULONG *objects, CK_ULONG maximum, CK_ULONG *count);
    CK_RV (*C_FindObjectsFinal)(CK_ULONG session);
    void *C_EncryptInit;
    void *C_Encrypt;
    void *C_EncryptUpdate;
    void *C_EncryptFinal;
    void *C_DecryptInit;
    void *C_Decrypt;
    void *C_DecryptUpdate;
    void *C_DecryptFinal;
    void *C_DigestInit;
    void *C_Digest;
    void *C_DigestUpdate;
    void *C_DigestKey;
    void *C_DigestFinal;
    CK_RV (*C_SignInit)(CK_ULONG session, CK_MECHANISM *mechanism, CK_ULONG key);
    CK_RV (*C_Sign)(
        CK_ULONG session, const CK_BYTE *data, CK_ULONG dataLength, CK_BYTE *signature, CK_ULONG *signatureLength);
} CK_FUNCTION_LIST;

// Loads a module and gets its functions; NULL with `*error` set to a text that lives until the next call of the dynamic
// loader on this thread. A module is never unloaded: it may hold threads.
const CK_FUNCTION_LIST *wattest_pkcs11_load(const char *path, const char **error);

#endif
