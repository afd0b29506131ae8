/**
 * Passwords of eight and more characters that every guessing tool tries first, lower case; shorter ones are refused by
 * their length anyway. Offline on purpose: no password, or part of its hash, leaves the server.
 */
const LISTED = `
password password1 password2 password3 password01 password12 password123 password1234 password12345 password123456
password! password!1 password1! passw0rd passw0rd1 passw0rd! p@ssword p@ssw0rd p@ssw0rd1 p@ssw0rd123 p@$$w0rd pa$$word
pa$$w0rd pa55word passwort passwort1 passwort123 motdepasse contraseña contrasena wachtwoord senha123 parola123
haslo123 passpass passphrase mypassword mypassword1 yourpassword newpassword password2020 password2021 password2022
password2023 password2024 password2025 password2026 thisismypassword mypassword123 nopassword changeme changeme1
changeme123 changethis changeit default1 defaultpassword administrator administrator1 administrador admin123 admin1234
admin12345 admin123456 adminadmin admin@123 admin2024 admin2025 admin2026 rootroot root1234 toortoor superuser
superadmin supervisor manager1 guest123 guestguest test1234 test12345 test123456 testtest testtest1 testing1 testing123
tester123 temp1234 temppass temporary user1234 username username1 demo1234 demodemo sample123 example1 example123
letmein1 letmein12 letmein123 letmeinnow letmein! welcome1 welcome12 welcome123 welcome1234 welcome! welcome1!
welcome2024 welcome2025 welcome2026 hello123 hello1234 hellohello helloworld hello12345 goodbye1 whatever whatever1
trustno1 trustnoone secret123 secret1234 topsecret supersecret secretsecret master123 masterkey mastermind shadow123
shadow12 access123 access14 opensesame sesame123 login123 loginlogin
12345678 123456789 1234567890 12345678910 123456789a 1234567a 12345678a 123456789q 12345679 01234567 012345678
0123456789 123456780 1234567891 12344321 12341234 123123123 1231231234 123321123 12345654321 123454321 1234554321
123456654321 12345678900 23456789 234567890 87654321 987654321 9876543210 098765432 0987654321 09876543 11111111
111111111 1111111111 22222222 222222222 33333333 44444444 55555555 555555555 66666666 666666666 77777777 777777777
88888888 888888888 99999999 999999999 00000000 000000000 0000000000 10203040 1020304050 102030405060 11112222 11223344
1122334455 112233445566 12121212 1212121212 121212121 13131313 13579246 1357924680 135792468 14141414 14725836
147258369 147852369 159357258 159753456 159951159 123698745 741852963 789456123 789456123a 7894561230 789789789
963852741 456456456 456789123 321321321 321654987 31415926 314159265 3141592653589 27182818 20202020 20222022 20232023
20242024 20252025 20262026 69696969 696969696 a1234567 a12345678 a123456789 a1b2c3d4 a1b2c3d4e5 a1s2d3f4 aa123456
aa12345678 abc12345 abc123456 abc1234567 abcd1234 abcd12345 abcd123456 abcdefgh abcdefghi abcdefghij abcdefg1
abcdefg123 abcabcabc abc123abc abc123abc123 1a2b3c4d 1a2b3c4d5e 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1q2w3e4r5t6y7u
1qaz2wsx 1qaz2wsx3edc 1qaz1qaz 1qazxsw2 1qazzaq1 2wsx3edc 3edc4rfv zaq12wsx zaq1zaq1 zaq1xsw2 zaqxsw12 q1w2e3r4
q1w2e3r4t5 q1w2e3r4t5y6 q12345678 qwer1234 qwer12345 qwer123456 qwert123 qwert1234 qwert12345 qwerty12 qwerty123
qwerty1234 qwerty12345 qwerty123456 qwerty1! qwerty11 qwerty22 qwerty77 qwerty99 qwertyui qwertyuio qwertyuiop
qwertyuiop1 qwertyuiop123 qwertyuiop[] qwertyqwerty qwertz123 qwertzui qwertzuiop azertyui azertyuiop azerty123
asdfasdf asdfasdfasdf asdf1234 asdf12345 asdfgh123 asdfghjk asdfghjkl asdfghjkl1 asdfghjkl; asdfjkl; asdfqwer asdasdasd
asd123456 qweasdzxc qweasd123 qweqweqwe qwe123qwe qwe123456 qazwsxedc qazwsx123 qazwsxedcrfv qazqazqaz qazxswedc
zxcvbnm1 zxcvbnm123 zxcvbnm, zxcvbnm,./ zxcvbnmasdfghjkl zxczxczxc zxcasdqwe zxcv1234 poiuytrewq lkjhgfdsa mnbvcxz1
mnbvcxzasdfghjkl aaaaaaaa aaaaaaaaa aaaaaaaaaa bbbbbbbb cccccccc dddddddd ssssssss xxxxxxxx zzzzzzzz qqqqqqqq ffffffff
iloveyou iloveyou1 iloveyou2 iloveyou! iloveyou12 iloveyou123 iloveu12 ilovegod ilovejesus ilovehim ilovemom iloveme1
iloveyou3 iloveyou7 iloveyousomuch loveyou1 loveyou2 loveyou123 lovelove lovelove1 loveme12 loveme123 lovely12 lover123
mylove123 truelove truelove1 foreverlove forever1 forever21 forever123 teamo123 tequiero tequiero1 mahalkita jetaime1
sunshine sunshine1 sunshine2 sunshine12 sunshine123 princess princess1 princess12 princess123 princesa princesa1
football football1 football12 football123 footballer baseball baseball1 baseball12 basketball basketball1 volleyball
softball softball1 swimming skateboard hockey123 soccer12 soccer123 superman superman1 superman123 spiderman spiderman1
batman123 ironman1 wolverine starwars starwars1 startrek pokemon1 pokemon123 naruto123 dragonball dragonball1 dragon12
dragon123 dragonfly charmander minecraft minecraft1 fortnite1 playstation nintendo nintendo1 counterstrike warcraft
starcraft blizzard killer12 killer123 assassin gangster gangsta1 monster1 monster123 ninja123 samsung1 samsung123
computer computer1 computer123 internet internet1 internet123 keyboard security security1 database hardware software
program1 linux123 ubuntu123 windows1 windows7 windows10 microsoft microsoft1 google123 facebook facebook1 facebook123
youtube1 instagram instagram1 twitter1 twitter123 mastodon mastodon1 mastodon123 linkedin linkedin1 snapchat whatsapp
iphone123 apple123 android1 blackberry motorola motorola1 toshiba1 logitech pentium4
michelle michelle1 jennifer jennifer1 jessica1 jessica123 ashley12 ashley123 amanda123 samantha samantha1 nicole123
stephanie elizabeth elizabeth1 victoria victoria1 veronica vanessa1 patricia patricia1 margaret kimberly kimberly1
katherine catherine christine christina christian christian1 christopher alexander alexander1 alexandra alexandre
alejandro alejandra jonathan jonathan1 benjamin benjamin1 william1 michael1 michael12 michael123 matthew1 anthony1
brandon1 daniel12 daniel123 andrew12 andrew123 jordan23 jordan123 joshua12 joshua123 nicholas nicholas1 thomas123
charlie1 charlie12 charlie123 charlotte sebastian francisco fernando fernanda roberto1 isabella isabella1 gabriela
gabriel1 mercedes mercedes1 danielle danielle1 brittany brittany1 courtney savannah rebecca1 chocolate chocolate1
chocolat cookie123 cookies1 butterfly butterfly1 strawberry blueberry raspberry cheesecake peanut123 pumpkin1 banana123
orange12 orange123 cherry123 pineapple buttercup sweetheart sweetie1 sweetpea babygirl babygirl1 babygirl12 babygirl123
babyboy1 babyblue babylove beautiful beautiful1 gorgeous handsome precious darling1 honey123 honeybee angel123 angelica
angelina angels12 heaven12 blessed1 blessing jesus123 jesuschrist jesus1st christ12 godisgood godisgreat password7
faith123 hopefully purple12 purple123 yellow12 yellow123 green123 redsox04 silver12 rainbow1 rainbow123 crystal1
diamond1 diamond123 midnight midnight1 moonlight starlight snowball snowflake snowman1 summer12 summer123 summer01
summer2023 summer2024 summer2025 summer2026 winter12 winter123 winter2024 winter2025 winter2026 spring2024 spring2025
spring2026 autumn2024 autumn2025 autumn2026 january1 february december november september october1 monday123 friday13
freedom1 freedom123 liberty1 america1 american1 washington california newyork1 australia canada123 liverpool
liverpool1 arsenal1 chelsea1 chelsea123 manchester manutd123 barcelona barcelona1 realmadrid juventus cowboys1 steelers
steelers1 lakers24 yankees1 patriots mustang1 mustang123 corvette ferrari1 porsche1 maserati motorcycle harley123
harleydavidson yamaha123 suzuki123 marlboro jackdaniels budweiser heineken bubbles1 bulldog1 cheyenne dolphin1 dolphins
elephant fireball firebird kittycat monkey12 monkey123 mickey12 mickeymouse tinkerbell hellokitty garfield snoopy123
scooby123 scoobydoo simpsons bigdaddy bigboss1 bigmoney money123 million1 business success1 victory1 champion1 champion
warrior1 legend123 phoenix1 thunder1 lightning hurricane tornado1 creative fuckyou1 fuckyou2 fuckyou123 fuckyou! fuckoff1
asshole1 bullshit bitch123 nothing1 anything something everything remember forgetit forgotten mustang5 correcthorse
correcthorsebatterystaple
`

const COMMON = new Set(LISTED.split(/\s+/).filter((word) => word !== ''))

/** True for a listed password in any case, and for one made of a single character or of a run such as `abcdefgh`. */
export function isCommonPassword(password: string): boolean {
  return COMMON.has(password.toLowerCase()) || isRun(password)
}

/** Every step from one character to the next is the same, and at most one: `aaaaaaaa`, `23456789`, `hgfedcba`. */
function isRun(password: string): boolean {
  const codes = [...password].map((character) => character.codePointAt(0) ?? 0)
  const step = (codes[1] ?? 0) - (codes[0] ?? 0)
  return Math.abs(step) <= 1 && codes.every((code, at) => at === 0 || code - (codes[at - 1] ?? 0) === step)
}
